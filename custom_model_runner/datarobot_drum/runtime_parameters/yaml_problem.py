"""What is wrong with a file that is no YAML, on one line."""

from __future__ import annotations


def yaml_problem(error: Exception) -> str:
    """The problem and its line, without the content.

    Args:
        error: what reading has raised: of the parser, or a ``ValueError``.
    """
    import yaml

    if isinstance(error, UnicodeDecodeError):
        return "it is not UTF-8 text"
    if isinstance(error, yaml.MarkedYAMLError):
        where = f" in line {error.problem_mark.line + 1}" if error.problem_mark else ""
        return f"{error.problem or error.context}{where}"
    return " ".join(str(error).split())
