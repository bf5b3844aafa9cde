"""``docs/operations.md`` names what exists, and all that an operator meets."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import pytest

from datarobot_drum.drum.knobs.table import KNOB_BY_NAME
from datarobot_drum.drum.prediction.figures.metrics import (
    FAMILIES,
    MEMORY,
    MODEL_INFO,
    RejectReason,
)
from datarobot_drum.drum.prediction.figures.tracing import NAMES, STREAM_NAME
from datarobot_drum.drum.serving.routes import ROUTES
from tests.unit.serving.fronts import FRONTS, front

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "docs" / "operations.md").read_text()


def test_every_metric_and_reason_is_explained() -> None:
    for family in (*FAMILIES, MEMORY, MODEL_INFO):
        assert f"| `{family.name}" in TEXT
    for reason in RejectReason:
        assert f"`{reason.value}`" in TEXT


def test_every_span_is_named() -> None:
    for name in (*NAMES.values(), STREAM_NAME):
        assert f"`{name}`" in TEXT


def test_parameters_and_files_exist() -> None:
    named = set(re.findall(r"\b(?:DRUM_|CUSTOM_MODEL_)[A-Z_]+[A-Z]\b", TEXT))
    assert len(named) > 10
    assert named <= set(KNOB_BY_NAME)
    for link in re.findall(r"\]\(([^)#]+)\)", TEXT):
        assert (ROOT / "docs" / link).exists(), link
    for script in re.findall(r"`python (\S+\.py)`", TEXT):
        assert (ROOT / script).exists(), script


@pytest.mark.parametrize("name", FRONTS)
def test_the_migration_guides_extensions_do_the_same(name: str) -> None:
    (source,) = re.findall(rf"```python\n# custom_{name}\.py\n(.*?)```", TEXT, re.DOTALL)
    extension: dict[str, Any] = {}
    exec(source, extension)
    with front(name, extension["init_app"]) as (client, _, _):
        for token in ("", "another", "n\xe9"):
            assert client.get("/info/", headers={"X-Token": token}).status == 401
        assert client.get("/info/", headers={"X-Token": "the token"}).status == 200


def test_the_migration_guides_paths_are_all_of_the_endpoint() -> None:
    (listed,) = re.findall(r'path\.rstrip\("/"\) in (\(.*?\))', TEXT)
    predicts = {route.path.rstrip("/") for route in ROUTES if route.endpoint == "predict"}
    assert set(ast.literal_eval(listed)) == predicts
