"""What a folder spells nearly as the runner does is told, and nothing else is."""

from __future__ import annotations

from pathlib import Path

import pytest

from datarobot_drum.drum.exceptions import StartupError
from datarobot_drum.drum.model.near_misses import misnamed_files
from tests.unit.folders import load

SCORE = "def score(data, model, **kwargs):\n    return data\n"


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("Custom.py", "custom.py"),
        ("customs.py", "custom.py"),
        ("custom.ipynb", "custom.py"),
        ("custom.py.txt", "custom.py"),
        ("model-metadata.yml", "model-metadata.yaml"),
        ("model_metadata.yaml", "model-metadata.yaml"),
        ("metadata.yaml", "model-metadata.yaml"),
        ("custom-flask.py", "custom_flask.py"),
        ("customfastapi.py", "custom_fastapi.py"),
    ],
)
def test_a_file_that_is_nearly_called_right_is_told(tmp_path: Path, name: str, meant: str) -> None:
    (tmp_path / name).touch()
    told = [f"The file {name} is not read. Did you mean '{meant}'?"]
    assert misnamed_files(str(tmp_path)) == told
    (tmp_path / meant).touch()
    assert misnamed_files(str(tmp_path)) == []


@pytest.mark.parametrize(
    "name",
    ["custom_ml.py", "custom.R", "custom.pkl", "custom.pt", "model.yaml", "README.md", "data.csv"],
)
def test_files_of_other_names_are_not_told(tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch()
    assert misnamed_files(str(tmp_path)) == []


def test_a_file_below_the_top_is_found_there(tmp_path: Path) -> None:
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "custom.py").touch()
    (tmp_path / "Custom.py").touch()
    assert misnamed_files(str(tmp_path)) == []


def test_several_extensions_below_are_no_reason_to_stop(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "custom_flask.py").touch()
    (tmp_path / "custom-flask.py").touch()
    assert misnamed_files(str(tmp_path)) == []


@pytest.mark.parametrize(
    ("misspelt", "meant"),
    [
        ("load_modle", "load_model"),
        ("LoadModel", "load_model"),
        ("tranform", "transform"),
        ("postprocess", "post_process"),
        ("read_input_date", "read_input_data"),
    ],
)
def test_a_function_that_is_nearly_called_as_a_hook_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, misspelt: str, meant: str
) -> None:
    (tmp_path / "custom.py").write_text(f"{SCORE}\ndef {misspelt}(*args): pass\n")
    load(tmp_path, "regression")
    told = f"custom.py: the function {misspelt} is no hook. Did you mean '{meant}'?"
    assert told in caplog.messages


@pytest.mark.parametrize("helper", ["_scores", "scoring", "predict", "load", "preprocess", "fit"])
def test_helpers_are_not_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, helper: str
) -> None:
    (tmp_path / "custom.py").write_text(f"{SCORE}\ndef {helper}(*args): pass\n")
    load(tmp_path, "regression")
    assert "is no hook" not in caplog.text


def test_what_stands_beside_a_hook_of_that_name_is_not_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "custom.py").write_text(f"{SCORE}\ndef scores(*args): pass\n")
    load(tmp_path, "regression")
    assert "is no hook" not in caplog.text


@pytest.mark.parametrize(
    ("key", "meant"),
    [("default", "defaultValue"), ("minvalue", "minValue"), ("allow_empty", "allowEmpty")],
)
def test_a_key_of_a_definition_that_is_nearly_right_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, key: str, meant: str
) -> None:
    """Those of other names are left alone, as in DRUM."""
    (tmp_path / "custom.py").write_text(SCORE)
    (tmp_path / "model-metadata.yaml").write_text(
        "targetType: regression\nruntimeParameterDefinitions:\n"
        f"  - {{fieldName: LIMIT, type: numeric, description: why, {key}: 1}}\n"
    )
    load(tmp_path)
    assert caplog.messages == [
        f"model-metadata.yaml: the key '{key}' in the definition of 'LIMIT' is not read."
        f" Did you mean '{meant}'?"
    ]


@pytest.mark.parametrize(
    ("target_type", "code", "told"),
    [
        ("regression", "def scor(d): pass\n", "load_model or score. Its functions: scor."),
        (
            "regression",
            "def score_unstructured(m, d): pass\n",
            "load_model or score. Its functions: score_unstructured.",
        ),
        ("regression", "score = 3\n", "load_model or score. Its functions: none."),
        ("transform", SCORE, "load_model or transform. Its functions: score."),
    ],
)
def test_hooks_that_cannot_answer_are_told_what_is_missing(
    tmp_path: Path, target_type: str, code: str, told: str
) -> None:
    (tmp_path / "custom.py").write_text(code)
    with pytest.raises(StartupError) as error:
        load(tmp_path, target_type)
    assert str(error.value).endswith(f"\nWithout an artifact custom.py needs the hook {told}")
