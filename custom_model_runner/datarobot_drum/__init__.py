"""Serve, score and check a folder that holds a model.

User code imports two names from here; both are light to import.
"""

from datarobot_drum.drum.exceptions import CustomHTTPError
from datarobot_drum.runtime_parameters import RuntimeParameters

__version__ = "0.1.0"

__all__ = ["CustomHTTPError", "RuntimeParameters", "__version__"]
