"""``model-metadata.yaml``: ordinary YAML, checked key by key.

Names and labels are text as written, so ``positiveClassLabel: yes`` is the text ``yes``; the
keys that have another type are converted. The document is read as a tree of nodes, because
only nodes remember the line that an error has to name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, TypeAlias

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from datarobot_drum.drum.enum import MODEL_CONFIG_FILENAME, TargetType
from datarobot_drum.drum.exceptions import StartupError
from datarobot_drum.drum.model.metadata_keys import KEYS, Key, Kind
from datarobot_drum.drum.utils.nearest import did_you_mean
from datarobot_drum.drum.utils.truth import truth
from datarobot_drum.runtime_parameters.yaml_problem import UNREADABLE, yaml_problem

Convert: TypeAlias = Callable[["_Reader", Node, str], Any]

_INFERENCE: Final = "inference"
_LABEL_TYPES: Final = frozenset({TargetType.MULTICLASS.value, TargetType.MULTILABEL.value})


def read_metadata(code_dir: str) -> Mapping[str, Any] | None:
    """Read the metadata file at the top of ``code_dir``; None when there is none.

    ``name`` is the folder's and ``type`` is ``inference`` where they are left out.

    Raises:
        StartupError: the file is empty, is not YAML, has an unknown, missing or mistyped key,
            or lacks the labels that an inference model needs. The text names key and line.
    """
    path = Path(code_dir, MODEL_CONFIG_FILENAME)
    if not path.is_file():
        return None
    metadata = _Reader(path).document()
    _check_input_schema(metadata)
    # Of a file that does not say what it is for, the labels may come from elsewhere.
    if metadata.get("type") == _INFERENCE:
        _check_labels(metadata)
    return {"name": path.resolve().parent.name, "type": _INFERENCE} | metadata


def resolve_target_type(
    option: TargetType | None, metadata: Mapping[str, Any] | None
) -> TargetType:
    """The target type from the command line or the metadata, which must agree.

    Raises:
        StartupError: neither names one, they differ, or the metadata's is unknown.
    """
    written = metadata["targetType"] if metadata else None
    if option is None and written is None:
        raise StartupError(
            "Target type is missing. It must be provided in --target-type argument, "
            "TARGET_TYPE env var or model config file."
        )
    if written is None:
        assert option is not None
        return option
    try:
        configured = TargetType(written)
    except ValueError as exc:
        known = [each.value for each in TargetType]
        advice = did_you_mean(written, known) if written else ". It must not be empty."
        raise StartupError(
            f"{exc}: targetType in {MODEL_CONFIG_FILENAME} is one of {', '.join(known)}{advice}"
        ) from None
    if option is not None and option is not configured:
        raise StartupError(
            "Target type provided in --target-type argument doesn't match target type from "
            "model config file. Use either one of them or make them match."
        )
    return configured


def inference_section(metadata: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """The ``inferenceModel`` part; empty when the file or the part is absent."""
    section: Mapping[str, Any] = (metadata or {}).get("inferenceModel", {})
    return section


class _Reader:
    """Turns one file's nodes into values, and knows the file's name for the errors."""

    def __init__(self, path: Path) -> None:
        self._path = path
        # Keys, and where the first of them should have been.
        self._missing: list[str] = []
        self._incomplete: Node | None = None
        with self._reading():
            self._loader = yaml.SafeLoader(path.read_text(encoding="utf-8-sig"))
            self._root = self._loader.get_single_node()

    @contextmanager
    def _reading(self) -> Iterator[None]:
        try:
            yield
        except (yaml.YAMLError, *UNREADABLE) as exc:
            text = f"{self._path.name} is not valid YAML: {yaml_problem(exc)}"
            raise StartupError(text) from exc

    def document(self) -> dict[str, Any]:
        root = self._root
        if root is None or (isinstance(root, ScalarNode) and not root.value):
            raise StartupError(f"The {MODEL_CONFIG_FILENAME} file appears to be empty.")
        metadata = self.mapping(root, "", _TOP, _REQUIRED_TOP)
        if self._incomplete is not None:
            labels = _missing_labels(metadata) if metadata.get("type") == _INFERENCE else []
            missing = [*self._missing, *(f"inferenceModel.{label}" for label in labels)]
            text = f"required key(s) {str(missing)[1:-1]} not found"
            raise self.error(self._incomplete, text)
        return metadata

    def mapping(
        self, node: Node, where: str, keys: Mapping[str, Convert], required: tuple[str, ...] = ()
    ) -> dict[str, Any]:
        if not isinstance(node, MappingNode):
            raise self.error(node, f"{where.rstrip('.') or 'the file'} must be a mapping")
        with self._reading():
            self._loader.flatten_mapping(node)
        result: dict[str, Any] = {}
        for key_node, value in node.value:
            if not isinstance(key_node, ScalarNode):
                raise self.error(key_node, "a key must be text")
            key = str(key_node.value)
            if key not in keys:
                text = f"unexpected key not in schema '{where}{key}'{did_you_mean(key, keys)}"
                raise self.error(key_node, text)
            if key in result:
                raise self.error(key_node, f"duplicate key '{where}{key}'")
            result[key] = keys[key](self, value, f"{where}{key}")
        missing = [f"{where}{key}" for key in required if key not in result]
        if missing:
            self._missing += missing
            self._incomplete = self._incomplete or node
        return result

    def plain(self, node: Node) -> Any:
        with self._reading():
            return self._loader.construct_document(node)

    def error(self, node: Node, text: str) -> StartupError:
        line = node.start_mark.line + 1
        return StartupError(f"{self._path.name}, line {line}: {text}")


def _text(reader: _Reader, node: Node, where: str) -> str:
    if not isinstance(node, ScalarNode):
        raise reader.error(node, f"'{where}' must be text")
    return str(node.value)


def _flag(reader: _Reader, node: Node, where: str) -> bool:
    word = _text(reader, node, where).lower()
    value = truth(word)
    if value is None:
        raise reader.error(node, f"'{where}' must be true or false, got '{word}'")
    return value


def _threshold(reader: _Reader, node: Node, where: str) -> float:
    text = _text(reader, node, where)
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise reader.error(node, f"'{where}' must be a number from 0 to 1, got '{text}'")
    return value


def _texts(reader: _Reader, node: Node, where: str) -> list[str]:
    if not isinstance(node, SequenceNode):
        raise reader.error(node, f"'{where}' must be a list")
    return [_text(reader, item, f"{where}[{i}]") for i, item in enumerate(node.value)]


def _anything(reader: _Reader, node: Node, where: str) -> Any:
    return reader.plain(node)


def _section(keys: Mapping[str, Convert], required: tuple[str, ...]) -> Convert:
    return lambda reader, node, where: reader.mapping(node, f"{where}.", keys, required)


def _sections(keys: Mapping[str, Convert], required: tuple[str, ...]) -> Convert:
    def convert(reader: _Reader, node: Node, where: str) -> list[dict[str, Any]]:
        if not isinstance(node, SequenceNode):
            raise reader.error(node, f"'{where}' must be a list")
        return [reader.mapping(item, f"{where}.", keys, required) for item in node.value]

    return convert


def _converters(keys: Sequence[Key]) -> dict[str, Convert]:
    return {key.name: _converter(key) for key in keys}


def _converter(key: Key) -> Convert:
    if key.kind is Kind.PART:
        return _section(_converters(key.keys), _required(key.keys))
    if key.kind is Kind.PARTS:
        return _sections(_converters(key.keys), _required(key.keys))
    return _CONVERT[key.kind]


def _required(keys: Sequence[Key]) -> tuple[str, ...]:
    return tuple(key.name for key in keys if key.required)


_CONVERT: Final[Mapping[Kind, Convert]] = {
    Kind.TEXT: _text,
    Kind.TRUTH: _flag,
    Kind.SHARE: _threshold,
    Kind.TEXTS: _texts,
    Kind.ANYTHING: _anything,
}
_TOP: Final = _converters(KEYS)
_REQUIRED_TOP: Final = _required(KEYS)


def _check_input_schema(metadata: Mapping[str, Any]) -> None:
    """A tool's input schema is any JSON Schema of an object."""
    if "inputSchema" not in metadata:
        return
    schema = metadata["inputSchema"]
    found = schema.get("type") if isinstance(schema, dict) else schema
    prefix = "Error creating pydantic model from input schema: "
    if found != "object":
        raise StartupError(f"{prefix}Only 'object' type schemas are supported, got '{found}'")
    properties = schema.get("properties")
    if not isinstance(properties, dict):
        raise StartupError(f"{prefix}'properties' must be a dictionary, got '{type(properties)}'")


def _check_labels(metadata: Mapping[str, Any]) -> None:
    section = inference_section(metadata)
    if metadata["targetType"] == TargetType.BINARY.value:
        missing = _missing_labels(metadata)
        if missing:
            raise StartupError(
                f"The following keys are missing in {MODEL_CONFIG_FILENAME} file.\n"
                f"Missing keys: {missing if section else ['inferenceModel', *missing]}"
            )
    elif metadata["targetType"] in _LABEL_TYPES:
        _check_one_source(section)


def _missing_labels(metadata: Mapping[str, Any]) -> list[str]:
    """The labels that a binary model's inference part has to name, and does not."""
    if metadata.get("targetType") != TargetType.BINARY.value:
        return []
    section = inference_section(metadata)
    return [key for key in ("positiveClassLabel", "negativeClassLabel") if key not in section]


def _check_one_source(section: Mapping[str, Any]) -> None:
    given = sum(key in section for key in ("classLabels", "classLabelsFile"))
    prefix = (
        "\nError - for multiclass classification, either the class labels or a class labels file "
    )
    if given == 0:
        raise StartupError(f"{prefix}must be provided in {MODEL_CONFIG_FILENAME} file.")
    if given == 2:
        raise StartupError(
            f"{prefix}should be provided in {MODEL_CONFIG_FILENAME} file, but not both."
        )
