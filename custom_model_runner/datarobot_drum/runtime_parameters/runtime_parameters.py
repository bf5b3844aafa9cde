"""``RuntimeParameters``: how user code, and the runner itself, read a parameter."""

from __future__ import annotations

import os
from typing import Any, ClassVar, Final

from datarobot_drum.drum.masking import hide_variable
from datarobot_drum.drum.utils.nearest import did_you_mean
from datarobot_drum.runtime_parameters.values import decode

_UNSET: Final = object()


class RuntimeParameters:
    """Parameters live in environment variables ``MLOPS_RUNTIME_PARAM_<name>``.

    A variable holds the platform's JSON, ``{"type": "numeric", "payload": 4}``, or plain
    text, which is a string. Where a model declares another type, the text became a value of
    that type at the start.
    """

    PARAM_PREFIX: ClassVar[str] = "MLOPS_RUNTIME_PARAM"

    @classmethod
    def namespaced_param_name(cls, param_name: str) -> str:
        """The name of the environment variable; names are case-sensitive."""
        return f"{cls.PARAM_PREFIX}_{param_name}"

    @classmethod
    def has(cls, key: str) -> bool:
        """Whether the parameter is set; what it holds is not looked at."""
        return cls.namespaced_param_name(key) in os.environ

    @classmethod
    def get(cls, key: str, default: Any = _UNSET) -> Any:
        """The value of a parameter; ``default`` only when it is not set.

        Raises:
            ValueError: not set, and no default given.
            InvalidJsonException: its variable begins with a brace and is no JSON.
            InvalidRuntimeParam: its variable holds a JSON object of the wrong shape.
        """
        variable = cls.namespaced_param_name(key)
        text = os.environ.get(variable)
        if text is not None:
            hide_variable(variable, text)
            return decode(variable, text)
        if default is _UNSET:
            prefix = cls.namespaced_param_name("")
            known = [name.removeprefix(prefix) for name in os.environ if name.startswith(prefix)]
            meant = did_you_mean(key, known).removeprefix(".")
            raise ValueError(f"Runtime parameter '{key}' does not exist!{meant}")
        return default
