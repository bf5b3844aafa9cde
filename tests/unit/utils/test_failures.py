"""What a user is told when a process cannot go on: what was wrong, and where."""

from __future__ import annotations

from pathlib import Path

import pytest

from datarobot_drum.drum.assembly import build_service
from datarobot_drum.drum.enum import TargetType
from datarobot_drum.drum.exceptions import DrumException, StartupError
from datarobot_drum.drum.model.local import build_predictor
from datarobot_drum.drum.prediction.payload.csv.reader import read_csv
from datarobot_drum.drum.settings import ModelSettings, ServerSettings, Settings
from datarobot_drum.drum.utils.failures import failure_text
from tests.unit.folders import write_folder

HOOKS = """
import helper

def load_model(code_dir):
    return helper.weights(code_dir)
"""
HELPER = """
import json

def weights(code_dir):
    return json.loads("{")
"""


def test_the_last_line_of_the_users_own_code_is_named(tmp_path: Path):
    folder = write_folder(tmp_path, HOOKS)
    (folder / "helper.py").write_text(HELPER)
    with pytest.raises(DrumException) as caught:
        build_predictor(ModelSettings(str(folder), TargetType.REGRESSION))
    first, place = failure_text(caught.value).rsplit("\n", 1)
    assert first.startswith("An error occurred when loading your artifact: 'load_model' hook")
    assert place == f"  at {folder / 'helper.py'}, line 5, in weights"


def test_a_key_error_that_is_all_a_hooks_text_is_called_one(tmp_path: Path):
    hook = "def score_unstructured(model, data, **kwargs):\n    return {}['price']\n"
    predictor = build_predictor(
        ModelSettings(str(write_folder(tmp_path, hook)), TargetType.UNSTRUCTURED)
    )
    with pytest.raises(DrumException) as caught:
        predictor.predict_unstructured("")
    assert failure_text(caught.value) == (
        f"KeyError: 'price'\n  at {tmp_path / 'custom.py'}, line 6, in score_unstructured"
    )


def test_a_failure_of_the_runner_itself_is_told_in_its_own_words():
    assert failure_text(StartupError("Target type is missing.")) == "Target type is missing."


def test_sources_of_compiled_libraries_are_not_the_users_code():
    with pytest.raises(DrumException) as caught:
        read_csv(b"a,b\n1,2\n3,4,5\n")
    assert ".pyx" not in failure_text(caught.value)


def test_who_called_the_runner_is_not_the_users_code_that_failed():
    with pytest.raises(DrumException) as caught:
        read_csv(b"a,b\n1,2\n3,4,5\n")
    assert "\n  at " not in failure_text(caught.value)


def test_the_users_line_is_named_where_a_library_raised_from_an_error_of_its_own(tmp_path: Path):
    folder = write_folder(tmp_path, "WEIGHT = pd.DataFrame({'a': [1]})['b']\n")
    with pytest.raises(DrumException) as caught:
        build_predictor(ModelSettings(str(folder), TargetType.REGRESSION))
    assert failure_text(caught.value).endswith(f"at {folder / 'custom.py'}, line 5, in <module>")


def test_an_error_server_logs_its_reason_once_with_the_place(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    folder = write_folder(tmp_path, "def load_model(code_dir):\n    raise ValueError('no')\n")
    model = ModelSettings(str(folder), TargetType.REGRESSION)
    service = build_service(Settings("server", model, ServerSettings(with_error_server=True)))
    service.close()
    (record,) = caplog.records
    assert record.getMessage().endswith(f"{folder / 'custom.py'}, line 6, in load_model")


@pytest.mark.parametrize(
    ("hook", "told"),
    [
        (
            "def load_model():\n    return 1\n",
            "takes 0 positional arguments but 1 was given')\n  at {}, line 1, in load_model",
        ),
        (
            "def load_model(code_dir):\n    pass\n",
            "None is returned.\n  at {}, line 1, in load_model",
        ),
        (
            "def load_model(code_dir):\n    return open('/no/such/weights')\n",
            "No such file or directory'): '/no/such/weights'\n  at {}, line 2, in load_model",
        ),
        ("def init():\n    pass\n", "keyword argument 'code_dir'\")\n  at {}, line 1, in init"),
    ],
)
def test_a_hook_that_fails_at_the_start_is_placed(tmp_path: Path, hook: str, told: str) -> None:
    (tmp_path / "custom.py").write_text(hook)
    with pytest.raises(StartupError) as error:
        build_predictor(ModelSettings(str(tmp_path), TargetType.REGRESSION))
    assert failure_text(error.value).endswith(told.format(tmp_path / "custom.py"))
