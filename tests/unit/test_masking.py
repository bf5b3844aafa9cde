"""Errors hold no native stack trace and no place of an installed package; warnings are lines."""

from __future__ import annotations

import io
import json
import logging
import subprocess
import sys
import time
import traceback
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datarobot_drum.drum import logs, masking
from datarobot_drum.drum.exceptions import ModelError
from datarobot_drum.drum.masking import MASK, for_client, without_internals, without_native_traces
from datarobot_drum.drum.prediction.errors import error_response
from datarobot_drum.drum.prediction.failed import FailedService
from datarobot_drum.drum.prediction.messages import PredictRequest
from datarobot_drum.drum.prediction.operations import Operation
from datarobot_drum.drum.utils.failures import failure_text
from tests.servers.harness import running_server
from tests.unit.folders import load, predict, write_folder

XGBOOST = """[14:01:03] /workspace/src/learner.cc:1289: Check failed: a >= b (2 vs. 3) : Too many.
Stack trace:
  [bt] (0) /usr/lib/python3/site-packages/xgboost/lib/libxgboost.so(+0x11031e) [0x7ff0b471031e]
  [bt] (1) /lib/x86_64-linux-gnu/libffi.so.8(+0x6f7a) [0x7ff0d45e4f7a]

"""
TORCH = """Expected a float. Exception raised from check at /c10/A.h:1 (most recent call first):
frame #0: c10::Error::Error() + 0x5c (0x7f in /usr/lib/python3/site-packages/torch/lib/libc10.so)
frame #1: <unknown function> + 0x1 (0x7f in libtorch.so)
"""
TEXTS = {
    XGBOOST: "[14:01:03] Check failed: a >= b (2 vs. 3) : Too many.",
    f"Exception: XGBoostError({XGBOOST!r})": (
        "Exception: XGBoostError('[14:01:03] Check failed: a >= b (2 vs. 3) : Too many.')"
    ),
    TORCH: "Expected a float.",
    "util/ysaveload.cpp:17: can not load pod type(4, 3 bytes)": (
        "can not load pod type(4, 3 bytes)"
    ),
    "[ONNXRuntimeError] : 2 : /__w/1/s/onnxruntime/core/framework/utils.cc:99 Bad shape": (
        "[ONNXRuntimeError] : 2 : Bad shape"
    ),
    "Check failed: (x) > (0) at /__w/1/s/lightgbm-python/src/io/dataset.cpp, line 123 .": (
        "Check failed: (x) > (0) ."
    ),
    "no such file: /opt/venv/lib/python3.12/site-packages/pkg/data.json": (
        "no such file: pkg/data.json"
    ),
    "Found 1/2 of a.c and b/c.d, see http://host/a/b.html": (
        "Found 1/2 of a.c and b/c.d, see http://host/a/b.html"
    ),
    "hello ": "hello ",
}


@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
def test_what_is_left_of_a_text(text: str) -> None:
    expected = TEXTS[text]
    assert without_internals(text).rstrip("\n") == expected
    assert for_client(text).rstrip("\n") == expected
    assert failure_text(ValueError(text)) == expected.strip()


# What may stand around a path in a sentence.
AROUND = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=20)
BEFORE = st.sampled_from([*" '\"([=:,<`\n\t|;>{", "file://"])
SEGMENT = st.text("abcXYZ019._-+@äß", min_size=1, max_size=8).filter(lambda text: text.strip("."))


@given(AROUND, BEFORE, st.lists(SEGMENT, min_size=1, max_size=4))
def test_no_path_of_this_machine_ever_reaches_a_client(
    before: str, last: str, segments: list[str]
) -> None:
    path = "/".join((sys.prefix, *segments))
    shown = for_client(f"{before}{last}{path}{last}{before}")
    assert sys.prefix not in shown


@given(AROUND, AROUND)
def test_no_traceback_ever_reaches_a_client(reason: str, inner: str) -> None:
    try:
        raise KeyError(inner)
    except KeyError:
        text = f"{reason}\n{traceback.format_exc()}"
    shown = for_client(text)
    assert "Traceback (most" not in shown
    assert __file__ not in shown
    assert "raise KeyError" not in shown


@given(st.lists(AROUND, min_size=1, max_size=4), AROUND, AROUND)
def test_no_secret_is_ever_shown(secrets: list[str], before: str, after: str) -> None:
    """Wherever it stands, whole or as part of another, as it is or as JSON and a repr have it."""
    hidden = masking.Secrets()
    hidden.add(secrets)
    for secret in filter(hidden._is_usable, secrets):
        for form in (secret, json.dumps(secret), json.dumps({"a": secret}), repr(secret)):
            shown = hidden.mask(f"{before}{form}{after}")
            assert secret not in shown or secret in before + MASK + after


def test_a_client_of_a_compiled_library_is_told_the_reason_only(tmp_path: Path) -> None:
    xgboost = pytest.importorskip("xgboost")
    data = xgboost.DMatrix(np.ones((5, 2)), label=np.ones(5))
    model = xgboost.train({}, data, num_boost_round=1)
    custom = """
        import xgboost
        def score(data, model, **kwargs):
            return model.predict(xgboost.DMatrix(data.to_numpy()))
        def load_model(code_dir):
            import pickle
            with open(code_dir + "/model.pkl", "rb") as file:
                return pickle.load(file)
    """
    write_folder(tmp_path, custom, model_pkl=model)
    with pytest.raises(ModelError) as caught:
        predict(load(tmp_path, "regression"), pd.DataFrame(np.ones((1, 3))))
    assert "[bt]" in str(caught.value)
    shown = error_response(caught.value).body
    for text in (str(shown), failure_text(caught.value)):
        assert "Number of columns does not match" in text
        assert not [word for word in ("[bt]", "Stack", "packages", ".cc", ".so") if word in text]


def test_an_error_server_shows_no_trace_either() -> None:
    answer = FailedService(ModelError(XGBOOST)).answer(Operation.PREDICT, PredictRequest())
    assert isinstance(answer.body, bytes)
    assert json.loads(answer.body)["message"].strip() == f"ERROR: {TEXTS[XGBOOST]}"


@pytest.mark.parametrize("text", ["/-" * 500_000, "a@" * 500_000, "\n " * 500_000, "a/" * 500_000])
def test_long_texts_take_no_time(text: str) -> None:
    started = time.perf_counter()
    for_client(text)
    without_native_traces(text)
    assert time.perf_counter() - started < 2


# --- the log -----------------------------------------------------------------------------


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """What is logged, with logging set up as a command does it."""
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    stream = io.StringIO()
    with warnings.catch_warnings():
        logs.configure(arguments())
        root.handlers[:] = [logs.dress(logging.StreamHandler(stream))]
        logs._State.warned.clear()
        yield stream
    logs._State.warned.clear()
    root.handlers[:] = before
    root.setLevel(level)


def arguments(**given: Any) -> Any:
    import argparse

    return argparse.Namespace(**given)


def log_an_error() -> None:
    try:
        raise ValueError(XGBOOST)
    except ValueError:
        logs.get_drum_logger("test").exception("It failed: %s", XGBOOST)


@pytest.mark.parametrize("as_json", [False, True])
def test_a_log_line_has_no_native_frames_unless_they_are_asked_for(
    log: io.StringIO, as_json: bool
) -> None:
    logs.use_json(as_json)
    try:
        log_an_error()
        assert "[bt]" not in log.getvalue()
        assert log.getvalue().count("Too many.") == 2
        handler = logging.getLogger().handlers[:]
        logs.configure(arguments(show_stacktrace=True))
        logging.getLogger().handlers[:] = handler
        log_an_error()
        assert log.getvalue().count("[bt]") == 4
    finally:
        logs.use_json(False)
        logs._State.whole_errors = False


LIBRARY = "/opt/venv/lib/python3.12/site-packages/library/module.py"


def warn(text: str, filename: str = LIBRARY) -> None:
    warnings.warn_explicit(text, UserWarning, filename, 12)


def test_a_warning_of_a_library_is_one_line_once(log: io.StringIO) -> None:
    warnings.simplefilter("always")
    logs.request_id.set("")  # whatever an earlier test left there
    for _ in range(3):
        warn("this is\n   old, see /opt/venv/lib/python3.12/site-packages/library/notes.md")
        warn("that too")
    lines = log.getvalue().splitlines()
    assert [line.partition("drum.warnings:  ")[2].strip() for line in lines] == [
        "UserWarning: this is old, see library/notes.md",
        "UserWarning: that too",
    ]


def test_hooks_decide_about_their_own_warnings(log: io.StringIO) -> None:
    warnings.simplefilter("always")
    for _ in range(2):
        warn("mine", "/opt/model/custom.py")
    warnings.simplefilter("ignore")
    warn("mine", "/opt/model/custom.py")
    warn("another")
    assert log.getvalue().count("UserWarning: mine") == 2
    assert log.getvalue().count("\n") == 2
    warnings.simplefilter("error")
    with pytest.raises(UserWarning, match="mine"):
        warn("mine", "/opt/model/custom.py")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warn("kept")
    assert [str(item.message) for item in caught] == ["kept"]


def test_warnings_without_end_do_not_fill_the_log(log: io.StringIO) -> None:
    warnings.simplefilter("always")
    for number in range(1100):
        warn(f"number {number}")
    assert len(log.getvalue().splitlines()) == 1000


def test_a_warning_for_a_file_goes_there(log: io.StringIO) -> None:
    stream = io.StringIO()
    warnings.showwarning("text", UserWarning, "a.py", 1, stream)
    assert stream.getvalue().startswith("a.py:1: UserWarning: text")
    assert log.getvalue() == ""


WARNS = """
import warnings

class Mine(UserWarning):
    pass

def load_model(code_dir):
    return 1

def score(data, model, **kwargs):
    warnings.simplefilter("always")
    warnings.warn("mind this", Mine)
    warnings.warn_explicit("old", FutureWarning, "/x/site-packages/y.py", 1)
    warnings.warn_explicit("old", FutureWarning, "/x/site-packages/z.py", 1)
    return data.rename(columns={"a": "Predictions"})
"""


def test_warnings_under_score(tmp_path: Path) -> None:
    (tmp_path / "custom.py").write_text(WARNS)
    (tmp_path / "rows.csv").write_text("a\n1\n")
    done = subprocess.run(
        [sys.executable, "-m", "datarobot_drum", "score", "--code-dir", str(tmp_path)]
        + ["--input", str(tmp_path / "rows.csv"), "--target-type", "regression"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    lines = [line.partition("drum.warnings:  ")[2].strip() for line in done.stderr.splitlines()]
    assert lines == ["Mine: mind this", "FutureWarning: old"]


@pytest.mark.servers
@pytest.mark.parametrize("server", ["flask", "gunicorn", "fastapi"])
def test_warnings_on_a_server(tmp_path: Path, server: str) -> None:
    (tmp_path / "custom.py").write_text(WARNS)
    with running_server(tmp_path, server, "--target-type", "regression") as running:
        for _ in range(3):
            assert running.post("/predict/", b"a\n1\n")[0] == 200
        assert running.stop() == 0
        errors = running.stderr()
    assert errors.count("FutureWarning: old") == 1
    assert errors.count("Mine: mind this") == 3
    assert "site-packages" not in errors
