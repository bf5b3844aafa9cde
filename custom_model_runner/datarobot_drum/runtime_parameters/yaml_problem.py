"""What is wrong with a file that is no YAML, on one line."""

from __future__ import annotations

import re
from typing import Final

# What reading ends in beside the parser's own errors: values that are not what their tag says, and
# too many levels.
UNREADABLE: Final = (AttributeError, LookupError, RecursionError, TypeError, ValueError)
# The parser quotes what it has found, which may be part of a secret. No part of one are single
# signs, and the parser's own names of what it looks for, as '<block end>'.
_QUOTED: Final = re.compile(r"""((['"])(?:<[a-z ]+>|\\?.|\\x..)\2)|['"].*['"]""", re.DOTALL)


def yaml_problem(error: Exception) -> str:
    """The problem and its line, without the content.

    Args:
        error: what reading has raised: of the parser, or a ``ValueError``.
    """
    import yaml

    if isinstance(error, UnicodeDecodeError):
        return "it is not UTF-8 text"
    if isinstance(error, yaml.MarkedYAMLError):
        mark = error.problem_mark or error.context_mark
        where = f" in line {mark.line + 1}" if mark else ""
        text = error.problem or error.context or "it cannot be read"
        problem = _QUOTED.sub(lambda quoted: quoted.group(1) or "'…'", text)
        return f"{' '.join(problem.split())}{where}"
    if isinstance(error, yaml.reader.ReaderError):
        return f"it holds a sign that is not allowed, number {error.position + 1}"
    # The texts of other errors repeat the value.
    return f"it holds a value that cannot be read ({type(error).__name__})"
