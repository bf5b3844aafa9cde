"""What a type checker sees of the public names. Checked by mypy, never run."""

from typing import Any

from typing_extensions import assert_type

from datarobot_drum import CustomHTTPError, RuntimeParameters, __version__
from datarobot_drum.drum.enum import TargetType
from datarobot_drum.drum.exceptions import BaseCustomUserError

assert_type(__version__, str)
assert_type(RuntimeParameters.has("A"), bool)
assert_type(RuntimeParameters.get("A"), Any)

error: BaseCustomUserError = CustomHTTPError("no such row", status_code=404)
assert_type(CustomHTTPError("x").status_code, int)

assert_type(TargetType.BINARY.is_classification(), bool)
assert_type(TargetType("binary"), TargetType)
