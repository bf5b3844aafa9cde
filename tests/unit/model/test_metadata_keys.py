"""What the table of the metadata's keys says is what the readers do, and what the page shows."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from datarobot_drum.drum.enum import TargetType
from datarobot_drum.drum.exceptions import StartupError
from datarobot_drum.drum.model.labels import given_labels
from datarobot_drum.drum.model.metadata import read_metadata
from datarobot_drum.drum.model.metadata_keys import DEFINITION, KEYS, NONE, Key, Kind
from datarobot_drum.runtime_parameters.definitions import definitions_of

PAGE = (Path(__file__).parents[3] / "docs" / "metadata.md").read_text()
# For each kind a value that it takes, and one that it does not.
VALUES: dict[Kind, tuple[Any, Any]] = {
    Kind.TEXT: ("a text", ["a", "list"]),
    Kind.TRUTH: (True, "perhaps"),
    Kind.SHARE: (0.25, 1.5),
    Kind.TEXTS: (["a", "b"], "a"),
    Kind.PART: ({}, "a"),
    Kind.PARTS: ([], "a"),
}
BASE = {"name": "a", "type": "training", "targetType": "regression"}


def paths(keys: tuple[Key, ...] = KEYS, above: tuple[Key, ...] = ()) -> Iterator[tuple[Key, ...]]:
    for key in keys:
        yield (*above, key)
        yield from paths(key.keys, (*above, key))


def named(path: tuple[Key, ...]) -> str:
    return ".".join(key.name for key in path)


def complete(keys: tuple[Key, ...]) -> dict[str, Any]:
    return {key.name: VALUES[key.kind][0] for key in keys if key.required}


def document(path: tuple[Key, ...], value: Any) -> dict[str, Any]:
    """A document that is right but for the value at the path."""
    *above, last = path
    content: Any = {last.name: value}
    if above:
        content = complete(above[-1].keys) | content
    for key in reversed(above):
        content = {key.name: [content] if key.kind is Kind.PARTS else content}
    return BASE | content


def read(folder: Path, content: Mapping[str, Any]) -> Any:
    (folder / "model-metadata.yaml").write_text(yaml.safe_dump(dict(content)))
    return read_metadata(str(folder))


CHECKED = [path for path in paths() if path[-1].kind in VALUES]


@pytest.mark.parametrize("path", CHECKED, ids=named)
def test_a_key_takes_values_of_its_kind_and_no_other(tmp_path: Path, path: tuple[Key, ...]) -> None:
    good, bad = VALUES[path[-1].kind]
    value = good if path[-1].kind is not Kind.PART else complete(path[-1].keys)
    assert read(tmp_path, document(path, value))[path[0].name] is not None
    with pytest.raises(StartupError, match=named(path).replace(".", r"\.")):
        read(tmp_path, document(path, bad))


REQUIRED = [path for path in paths() if path[-1].required]


@pytest.mark.parametrize("path", REQUIRED, ids=named)
def test_a_required_key_is_missed(tmp_path: Path, path: tuple[Key, ...]) -> None:
    *above, last = path
    content: Any = complete(above[-1].keys) if above else dict(BASE)
    del content[last.name]
    for key in reversed(above):
        content = BASE | {key.name: [content] if key.kind is Kind.PARTS else content}
    with pytest.raises(StartupError, match=f"required .*{last.name}'"):
        read(tmp_path, content)


def test_labels_act_on_the_target_types_that_are_named() -> None:
    given: dict[str, Any] = {"positiveClassLabel": "yes", "negativeClassLabel": "no"}
    given["classLabels"] = ["a", "b"]
    (section,) = [key for key in KEYS if key.name == "inferenceModel"]
    acting = {key.name: key.targets for key in section.keys if key.name in given}
    for target_type in TargetType:
        for name in given:
            part = {key: value for key, value in given.items() if key != name}
            without = given_labels(target_type, {"inferenceModel": part}, ".")
            both = given_labels(target_type, {"inferenceModel": given}, ".")
            assert (without != both) == (target_type in acting[name])


class Asked(dict[str, Any]):
    """A mapping that remembers which keys somebody looked for."""

    def __init__(self, **content: Any) -> None:
        super().__init__(content)
        self.keys_asked: set[str] = set()

    def __getitem__(self, key: str) -> Any:
        self.keys_asked.add(key)
        return super().__getitem__(key)

    def get(self, key: str, default: Any = None) -> Any:
        self.keys_asked.add(key)
        return super().get(key, default)


def test_all_that_a_definition_may_say_is_listed() -> None:
    entry = Asked(fieldName="limit", type="numeric")
    (definition,) = definitions_of({"runtimeParameterDefinitions": [entry]}).values()
    assert entry.keys_asked == {key.name for key in DEFINITION}
    (allow_empty,) = [key for key in DEFINITION if key.name == "allowEmpty"]
    assert (allow_empty.default, definition.allow_empty) == ("`true`", True)
    defaults = {key.default for key in DEFINITION if key is not allow_empty}
    assert (defaults, definition.default, definition.minimum) == ({NONE}, None, None)


def test_every_key_has_a_row() -> None:
    rows = [*paths(), *((key,) for key in DEFINITION)]
    shown = re.findall(r"^\| `([\w.]+)` \| ([^|]+) \|", PAGE, re.M)
    assert shown == [(named(path), path[-1].kind.value) for path in rows]


def test_the_example_of_the_page_is_taken(tmp_path: Path) -> None:
    (example,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    assert read(tmp_path, yaml.safe_load(example))["targetType"] == "multiclass"
