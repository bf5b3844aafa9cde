"""What can be wrong with a runtime parameter, its definition or the values file.

::

    DrumCommonException
    └── RuntimeParameterException
        ├── InvalidJsonException         a variable begins with a brace and is no JSON
        ├── InvalidRuntimeParam          a variable holds an object of the wrong shape
        ├── InvalidInputFilePath         a file is missing, or its path empty
        ├── InvalidEmptyYamlContent
        ├── InvalidYamlContent
        └── ErrorLoadingRuntimeParameter a definition, or a value that does not fit it
"""

from __future__ import annotations

from datarobot_drum.drum.exceptions import DrumCommonException


class RuntimeParameterException(DrumCommonException):
    """Base of all errors about runtime parameters; they end a start with exit code 1."""


class InvalidJsonException(RuntimeParameterException):
    """Text that does not begin with a brace is plain text, and no error."""


class InvalidRuntimeParam(RuntimeParameterException):
    pass


class InvalidInputFilePath(RuntimeParameterException):
    pass


class InvalidEmptyYamlContent(RuntimeParameterException):
    pass


class InvalidYamlContent(RuntimeParameterException):
    pass


class ErrorLoadingRuntimeParameter(RuntimeParameterException):
    pass
