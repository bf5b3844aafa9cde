"""``runtimeParameterDefinitions`` of ``model-metadata.yaml``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from datarobot_drum.drum.enum import MODEL_CONFIG_FILENAME
from datarobot_drum.drum.masking import hide_credential, hide_value
from datarobot_drum.runtime_parameters.exceptions import (
    ErrorLoadingRuntimeParameter,
    InvalidEmptyYamlContent,
    InvalidInputFilePath,
    InvalidYamlContent,
)
from datarobot_drum.runtime_parameters.values import KINDS, from_text, typed
from datarobot_drum.runtime_parameters.yaml_problem import UNREADABLE, yaml_problem

SECTION: Final = "runtimeParameterDefinitions"


@dataclass(frozen=True, slots=True)
class Definition:
    """One parameter of a model. Bounds are inclusive and only for the type numeric."""

    name: str
    kind: str
    default: Any = None
    minimum: float | None = None
    maximum: float | None = None
    allow_empty: bool = True

    def typed(self, value: object) -> Any:
        """A value as the declared type has it; numbers and truth may come as text.

        Raises:
            ErrorLoadingRuntimeParameter: it is of another type, out of bounds, or empty where
                that is not allowed; the text names the parameter and the reason.
        """
        try:
            if value is None and not self.allow_empty:
                raise ValueError("it has neither a value nor a default, and may not be empty")
            found = typed(self.kind, value)
            if self.kind == "numeric" and found is not None:
                self._check_bounds(found)
        except ValueError as error:
            raise ErrorLoadingRuntimeParameter(
                f"Failed to load runtime parameter '{self.name}'. {error}"
            ) from None
        return found

    def read(self, text: str) -> Any:
        """The value of the declared type that plain text stands for.

        Raises:
            ErrorLoadingRuntimeParameter: names the parameter and its type.
        """
        try:
            return from_text(self.kind, text)
        except ValueError as error:
            raise ErrorLoadingRuntimeParameter(
                f"Failed to load runtime parameter '{self.name}' of type '{self.kind}'. {error}"
            ) from None

    def _check_bounds(self, value: float) -> None:
        if self.minimum is not None and not value >= self.minimum:
            raise ValueError(f"value is less than {self.minimum} (it is {value})")
        if self.maximum is not None and not value <= self.maximum:
            raise ValueError(f"value is greater than {self.maximum} (it is {value})")


def read_metadata(code_dir: str) -> Any:
    """The metadata of a model folder as ordinary YAML.

    Raises:
        InvalidInputFilePath: there is no metadata file.
        InvalidEmptyYamlContent, InvalidYamlContent: it is empty, or no YAML.
    """
    path = Path(code_dir) / MODEL_CONFIG_FILENAME
    if not path.is_file():
        raise InvalidInputFilePath(f"{path.name} must exist to use runtime parameters")
    metadata = read_yaml(path, "model-metadata YAML")
    if metadata is None:
        raise InvalidEmptyYamlContent("Model-metadata YAML file is empty!")
    return metadata


def read_yaml(path: Path, title: str) -> Any:
    """The content of an ordinary YAML file; None when it is empty.

    Raises:
        InvalidYamlContent: not YAML, or not text; the text never repeats the content.
    """
    import yaml

    try:
        return yaml.safe_load(path.read_bytes())
    except (yaml.YAMLError, *UNREADABLE) as error:
        raise InvalidYamlContent(f"Invalid {title} content! {yaml_problem(error)}") from None


def definitions_of(metadata: object) -> dict[str, Definition]:
    """All definitions in a model's metadata by name, in their order; at least one.

    Raises:
        InvalidYamlContent: nothing is defined.
        ErrorLoadingRuntimeParameter: a definition is wrong, or there twice.
    """
    entries = metadata.get(SECTION) if isinstance(metadata, Mapping) else None
    if not isinstance(entries, list) or not entries:
        raise InvalidYamlContent(
            f"{MODEL_CONFIG_FILENAME}: YAML file must contain at least one parameter definition"
            f" in the section '{SECTION}'"
        )
    return _by_name(entries)


def _by_name(entries: list[Any]) -> dict[str, Definition]:
    definitions: dict[str, Definition] = {}
    for entry in entries:
        definition = _definition(entry)
        if definition.name in definitions:
            raise ErrorLoadingRuntimeParameter(
                f"Failed to load runtime parameter [{definition.name}], duplicated definition"
            )
        definitions[definition.name] = definition
    return definitions


def _definition(entry: object) -> Definition:
    problems = _problems(entry)
    if problems or not isinstance(entry, Mapping):
        name = entry.get("fieldName") if isinstance(entry, Mapping) else None
        suffix = f" in the definition of '{name}'" if isinstance(name, str) else ""
        raise ErrorLoadingRuntimeParameter(f"Failed to load runtime parameter: {problems}{suffix}")
    kind, default = entry["type"], entry.get("defaultValue")
    if kind == "credential":
        hide_credential(default)
    hide_value(entry["fieldName"], default)
    return Definition(
        name=entry["fieldName"],
        kind=kind,
        default=None if default == "" else default,
        minimum=entry.get("minValue"),
        maximum=entry.get("maxValue"),
        allow_empty=entry.get("allowEmpty", True),
    )


def _problems(entry: object) -> dict[str, str]:
    if not isinstance(entry, Mapping):
        return {"definition": "it must be a mapping"}
    problems: dict[str, str] = {}
    name, kind = entry.get("fieldName"), entry.get("type")
    if not isinstance(name, str) or not name or "=" in name or "\0" in name:
        problems["fieldName"] = "it is required and must be a name"
    if not isinstance(kind, str) or kind not in KINDS:
        problems["type"] = f"it must be one of: {', '.join(KINDS)}"
    for key in ("minValue", "maxValue"):
        bound = entry.get(key)
        if bound is not None and (isinstance(bound, bool) or not isinstance(bound, (int, float))):
            problems[key] = "it must be a number"
    if not isinstance(entry.get("allowEmpty", True), bool):
        problems["allowEmpty"] = "it must be true or false"
    return problems
