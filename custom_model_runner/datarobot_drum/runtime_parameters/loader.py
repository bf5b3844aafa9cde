"""Values file, environment, defaults -> environment: the first that has a value wins."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TypeAlias

from datarobot_drum.drum.masking import hide_value
from datarobot_drum.drum.utils.nearest import did_you_mean
from datarobot_drum.runtime_parameters.definitions import (
    SECTION,
    Definition,
    definitions_of,
    read_metadata,
    read_yaml,
)
from datarobot_drum.runtime_parameters.exceptions import (
    ErrorLoadingRuntimeParameter,
    InvalidEmptyYamlContent,
    InvalidInputFilePath,
    InvalidYamlContent,
    RuntimeParameterException,
)
from datarobot_drum.runtime_parameters.runner import (
    RUNNER_NAMES,
    is_runner_parameter,
    plain_kind,
)
from datarobot_drum.runtime_parameters.runtime_parameters import RuntimeParameters
from datarobot_drum.runtime_parameters.values import decode, encode, typed

_KINDS_OF_TEXT: Final = frozenset({"string", "deployment"})


# The other names of a parameter, by any of its names.
OtherNames: TypeAlias = Callable[[str], Sequence[str]]


def _none(_name: str) -> Sequence[str]:
    return ()


def load_values_file(values_file: str, code_dir: str, other_names: OtherNames = _none) -> None:
    """Put the values of a YAML file, and the defaults of the model, into the environment.

    Parameters of the runner need no definition; every other name does.

    Args:
        other_names: the file's value under one of them beats a variable under another one, and
            either beats a default.

    Raises:
        RuntimeParameterException: a file, a definition or a value is wrong; the text says
            which. The environment is then untouched.
    """
    if not values_file:
        raise InvalidInputFilePath("Empty runtime parameter values file path!")
    if not code_dir:
        raise InvalidInputFilePath("Empty code-dir path!")
    values = _read_values(values_file)
    of_model = [name for name in values if not is_runner_parameter(name)]
    definitions = _that_are_needed(code_dir, of_model) if of_model else _if_any(code_dir)
    for name in of_model:
        if name not in definitions:
            meant = did_you_mean(name, [*definitions, *RUNNER_NAMES])
            raise _error(name, f"It has no definition in the section '{SECTION}'{meant}")
    _export(definitions, values, other_names)
    for name in values:
        for other in set(other_names(name)) - values.keys():
            os.environ.pop(RuntimeParameters.namespaced_param_name(other), None)


def _that_are_needed(code_dir: str, names: Sequence[str]) -> dict[str, Definition]:
    """The definitions of a model whose values file has parameters of its own."""
    try:
        return definitions_of(read_metadata(code_dir))
    except RuntimeParameterException as error:
        # What is wrong with the metadata, and which value made it necessary.
        wanted = ", ".join(f"'{name}'" for name in names)
        meant = did_you_mean(names[0], RUNNER_NAMES)
        raise type(error)(f"{error} (the values file sets {wanted}){meant}") from error


def defined_names(code_dir: str) -> frozenset[str]:
    """The parameters that a model defines.

    Raises:
        ErrorLoadingRuntimeParameter: a definition is wrong.
    """
    return frozenset(_if_any(code_dir))


def load_defaults(code_dir: str, other_names: OtherNames = _none) -> None:
    """Put the defaults of a model into the environment, where that has no value.

    Args:
        other_names: a value under one of them is a value too.

    Raises:
        ErrorLoadingRuntimeParameter: a definition or a value is wrong.
    """
    _export(_if_any(code_dir), {}, other_names)


def _read_values(values_file: str) -> Mapping[str, Any]:
    path = Path(values_file)
    if not path.is_file():
        raise InvalidInputFilePath(
            f"Runtime parameter values file does not exist! filepath: {values_file}"
        )
    values = read_yaml(path, "runtime parameter values YAML")
    if values is None or values == {}:
        raise InvalidEmptyYamlContent("Runtime parameter values YAML file is empty!")
    if not isinstance(values, Mapping):
        raise InvalidYamlContent(
            "Invalid runtime parameter values YAML content! It must map names to values."
        )
    for name, value in values.items():
        hide_value(str(name), value)
    return {str(name): value for name, value in values.items()}


def _if_any(code_dir: str) -> dict[str, Definition]:
    # Metadata that is not readable is told by the model's loading, also on an error server.
    try:
        metadata = read_metadata(code_dir)
    except (InvalidInputFilePath, InvalidEmptyYamlContent, InvalidYamlContent):
        return {}
    defines = isinstance(metadata, Mapping) and metadata.get(SECTION)
    return definitions_of(metadata) if defines else {}


def _export(
    definitions: Mapping[str, Definition], values: Mapping[str, Any], other_names: OtherNames
) -> None:
    def is_set(name: str) -> bool:
        return name in values or RuntimeParameters.has(name)

    variables = {}
    for definition in definitions.values():
        if not is_set(definition.name) and any(map(is_set, other_names(definition.name))):
            continue  # its default is not wanted
        text = _defined_text(definition, values)
        if text is not None:
            variables[definition.name] = text
    for name in values.keys() - definitions.keys():
        variables[name] = _undefined_text(name, values[name])
    for name, text in variables.items():
        os.environ[RuntimeParameters.namespaced_param_name(name)] = text


def _defined_text(definition: Definition, values: Mapping[str, Any]) -> str | None:
    """The variable's new text; None leaves the environment as it is."""
    name = definition.name
    if name not in values and RuntimeParameters.has(name):
        return _text_of_variable(definition)
    value = values.get(name, definition.default)
    if value is None and name not in values and is_runner_parameter(name):
        return None  # unset, so that the runner's own default applies
    return encode(definition.kind, definition.typed(value))


def _text_of_variable(definition: Definition) -> str | None:
    """What a variable holds as a value of the declared type; None: it can stay as it is."""
    variable = RuntimeParameters.namespaced_param_name(definition.name)
    text = os.environ[variable]
    value = decode(variable, text)
    if value is not text:
        return encode(definition.kind, definition.typed(value))
    if not text and not definition.allow_empty:
        definition.typed(None)
    if definition.kind in _KINDS_OF_TEXT or (not text and is_runner_parameter(definition.name)):
        return None
    return encode(definition.kind, definition.typed(definition.read(text) if text else None))


def _undefined_text(name: str, value: object) -> str:
    try:
        kind = plain_kind(value)
        return encode(kind, typed(kind, value))
    except ValueError as error:
        raise _error(name, str(error)) from None


def _error(name: str, reason: str) -> ErrorLoadingRuntimeParameter:
    return ErrorLoadingRuntimeParameter(f"Failed to load runtime parameter '{name}'. {reason}")
