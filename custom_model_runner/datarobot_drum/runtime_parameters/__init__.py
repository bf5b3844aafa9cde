"""Values that the platform, the environment or a YAML file hands to a model."""

from datarobot_drum.runtime_parameters.runtime_parameters import RuntimeParameters

__all__ = ["RuntimeParameters"]
