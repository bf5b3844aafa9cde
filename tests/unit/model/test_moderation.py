"""A moderation pipeline around the hooks, played by a stand-in library."""

from __future__ import annotations

import logging
import sys
import types
from pathlib import Path
from typing import Any

import pytest

from datarobot_drum.drum.exceptions import ModelError
from tests.unit.folders import load, predict, write_folder

HOOKS = """
    def score(data, model, **kwargs):
        return pd.DataFrame({'answer': [f'{model}:{x}' for x in data['a']]})
    def chat(params, model):
        return 'hello'
"""


class Pipeline:
    """Notes how it was made and called; answers as the library does."""

    def __init__(self, kind: str, model_dir: str) -> None:
        self.made = (kind, model_dir)

    def score(self, data: Any, model: Any, score_fn: Any, **kwargs: Any) -> Any:
        frame = score_fn(data, model, **kwargs).rename(columns={"answer": "completion"})
        return frame.assign(blocked=False)

    def chat(self, params: Any, model: Any, chat_fn: Any, association_id: str, **kw: Any) -> Any:
        return chat_fn(params, model, **kw), association_id, self.made, kw


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    package, module = types.ModuleType("datarobot_dome"), types.ModuleType("drum_integration")
    module.moderation_pipeline_factory = Pipeline
    monkeypatch.setitem(sys.modules, "datarobot_dome", package)
    monkeypatch.setitem(sys.modules, "datarobot_dome.drum_integration", module)
    return module


def moderated(folder: Path, target_type: str = "textgeneration", hooks: str = HOOKS) -> Any:
    write_folder(folder, hooks)
    (folder / "moderation_config.yaml").touch()
    return load(folder, target_type, target_name="answer")


@pytest.mark.usefixtures("library")
def test_score_goes_through_the_pipeline(tmp_path: Path) -> None:
    result = predict(moderated(tmp_path))
    assert result.values[:, 0].tolist() == ["the model:1.0", "the model:2.0", "the model:3.0"]
    assert list(result.extra) == ["blocked"]


@pytest.mark.usefixtures("library")
def test_chat_goes_through_the_pipeline(tmp_path: Path) -> None:
    predictor = moderated(tmp_path)
    reply = predictor.chat({"datarobot_association_id": "abc"}, {"x": "1"})
    assert reply == ("hello", "abc", ("textgeneration", str(tmp_path)), {})
    assert len(predictor.chat({}, {})[1]) == 36


@pytest.mark.usefixtures("library")
def test_chat_hook_that_takes_headers_gets_them(tmp_path: Path) -> None:
    hooks = "def chat(params, model, **kwargs):\n    return kwargs\n"
    reply = moderated(tmp_path, hooks=hooks).chat({}, {"x": "1"})
    assert reply[0] == {"headers": {"x": "1"}}


def test_failing_pipeline_is_a_failing_hook(tmp_path: Path, library: Any) -> None:
    def fail(self: Any, *args: Any, **kwargs: Any) -> None:
        raise ValueError("guard is down")

    library.moderation_pipeline_factory = type("Broken", (Pipeline,), {"score": fail})
    expected = r"Model 'score' hook failed to make predictions\. Exception: ValueError\('guard"
    with pytest.raises(ModelError, match=expected):
        predict(moderated(tmp_path))


@pytest.mark.usefixtures("library")
def test_only_language_models_with_a_configuration_are_moderated(tmp_path: Path) -> None:
    hooks = "def score(data, model, **kwargs):\n    return pd.DataFrame({'p': data['a']})\n"
    assert predict(moderated(tmp_path / "a", "regression", hooks)).extra is None
    write_folder(tmp_path / "b", HOOKS)
    assert predict(load(tmp_path / "b", "textgeneration", target_name="answer")).extra is None


def test_missing_library_is_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "datarobot_dome", None)
    monkeypatch.setitem(sys.modules, "datarobot_dome.drum_integration", None)
    with caplog.at_level(logging.WARNING, logger="drum"):
        predictor = moderated(tmp_path)
    assert predict(predictor).extra is None
    assert "Moderation is off" in caplog.text


def test_library_without_a_factory_moderates_nothing(tmp_path: Path, library: Any) -> None:
    del library.moderation_pipeline_factory
    assert predict(moderated(tmp_path)).extra is None
