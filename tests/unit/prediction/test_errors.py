"""What the log says of a request that failed: one line with reason and place."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

from datarobot_drum.drum import logs
from datarobot_drum.drum.exceptions import ClientGoneError, CustomHTTPError, PayloadError
from datarobot_drum.drum.knobs.predicting import ServiceSettings
from datarobot_drum.drum.prediction.errors import error_response
from datarobot_drum.drum.prediction.messages import PredictRequest
from datarobot_drum.drum.prediction.operations import Operation
from datarobot_drum.drum.prediction.service import PredictionService, describe_failure
from tests.unit.folders import load, write_folder

HOOK = """
def score(data, model, **kwargs):
    return data["price"]
"""
UNSTRUCTURED = """
def score_unstructured(model, data, **kwargs):
    return {}["price"]
"""


def asked(folder: Path, target_type: str, operation: Operation) -> str:
    service = PredictionService(load(folder, target_type), ServiceSettings())
    try:
        answer = service.answer(operation, PredictRequest(b"a\n1\n", "text/csv"))
    finally:
        service.close()
    assert answer.status == 500
    assert isinstance(answer.body, bytes)
    return str(json.loads(answer.body)["message"])


def test_a_hook_that_raised_is_one_line_with_its_file_and_line(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    message = asked(write_folder(tmp_path, HOOK), "regression", Operation.PREDICT)
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert record.exc_info is None
    assert record.getMessage() == (
        "Model 'score' hook failed to make predictions. Exception: KeyError('price')"
        f" (at {tmp_path}/custom.py, line 7, in score)"
    )
    assert str(tmp_path) not in message


def test_a_key_error_is_called_one(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The hook's own text is what the client gets: here it is only the key."""
    folder = write_folder(tmp_path, UNSTRUCTURED)
    message = asked(folder, "unstructured", Operation.PREDICT_UNSTRUCTURED)
    assert message == "ERROR: 'price'"
    (record,) = caplog.records
    assert record.getMessage() == (
        f"KeyError: 'price' (at {tmp_path}/custom.py, line 7, in score_unstructured)"
    )


@pytest.mark.parametrize("way", ["DEBUG", "--show-stacktrace"])
def test_the_traceback_is_there_for_those_who_ask(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    if way == "DEBUG":
        caplog.set_level(logging.DEBUG, "drum")
    else:
        monkeypatch.setattr(logs._State, "whole_errors", True)
    asked(write_folder(tmp_path, HOOK), "regression", Operation.PREDICT)
    assert "Traceback (most recent call last)" in caplog.text


def test_a_clients_mistake_is_one_line(caplog: pytest.LogCaptureFixture) -> None:
    assert error_response(PayloadError("Line 3\nhas 4 cells.")).status == 422
    (record,) = caplog.records
    assert (record.levelname, record.getMessage()) == ("WARNING", "Line 3 has 4 cells.")
    assert record.exc_info is None


def test_a_client_that_left_made_no_mistake(caplog: pytest.LogCaptureFixture) -> None:
    error_response(ClientGoneError("gone"))
    assert caplog.text == ""


def test_a_line_does_not_grow_with_the_error(caplog: pytest.LogCaptureFixture) -> None:
    error_response(PayloadError("x" * 1_000_000))
    assert len(caplog.text) < 3000


def test_a_fault_of_the_servers_own_comes_with_its_traceback(
    caplog: pytest.LogCaptureFixture,
) -> None:
    try:
        json.loads(1)  # type: ignore[arg-type]
    except TypeError as error:
        # As if no code of the user's were on the way.
        error_response(error.with_traceback(error.__traceback__.tb_next))  # type: ignore[union-attr]
    assert "Traceback (most recent call last)" in caplog.text


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("CustomHTTPError", status)
        for status in (0, 99, 101, 204, 399, 600, -1, True, None, "teapot")
    ]
    # These have a default in the place of 0 and None.
    + [("HTTPException", status) for status in (99, 101, 200, 304, 600, -1, True, "teapot")],
)
def test_a_status_that_no_error_can_have_is_the_hooks_failure(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, status: object, kind: str
) -> None:
    """Sent as it is, it would end the connection on one server or another."""
    raised = {
        "CustomHTTPError": f"CustomHTTPError('mine', {status!r})",
        "HTTPException": f"HTTPException({status!r}, 'mine')",
    }
    code = (
        "from datarobot_drum import CustomHTTPError\n"
        "from starlette.exceptions import HTTPException\n"
        f"def score_unstructured(model, data, **kwargs):\n    raise {raised[kind]}\n"
    )
    message = asked(write_folder(tmp_path, code), "unstructured", Operation.PREDICT_UNSTRUCTURED)
    told = (
        f"{kind}('mine') was raised with the status {status!r}: it must be a whole number from"
        " 400 to 599."
    )
    assert message == f"ERROR: {told}"
    (record,) = caplog.records
    assert record.exc_info is None
    assert record.getMessage() == f"{told} (at {tmp_path}/custom.py, line 8, in score_unstructured)"


@pytest.mark.parametrize(
    ("parameters", "result", "told"),
    [
        ("data", "data", "score() got an unexpected keyword argument"),
        ("data, model, **kwargs", "None", "score must return a dataframe, but received"),
        ("data, model, **kwargs", "data[:0]", "Expected 1 rows, but received 0"),
        ("data, model, **kwargs", "data.assign(b=1)", "not found in axis"),
    ],
)
def test_a_hook_that_cannot_be_called_or_returns_something_else_is_placed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, parameters: str, result: str, told: str
) -> None:
    folder = write_folder(tmp_path, f"\ndef score({parameters}):\n    return {result}\n")
    message = asked(folder, "regression", Operation.PREDICT)
    assert told in message
    assert str(tmp_path) not in message
    (record,) = caplog.records
    assert record.getMessage().endswith(f" (at {tmp_path}/custom.py, line 6, in score)")


def test_a_file_that_a_hook_misses_is_named_in_the_log_alone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    hook = "\ndef score(data, model, **kwargs):\n    return open('/no/such/weights')\n"
    message = asked(write_folder(tmp_path, hook), "regression", Operation.PREDICT)
    assert "/no/such" not in message
    (record,) = caplog.records
    assert "No such file or directory'): '/no/such/weights' (at " in record.getMessage()


@pytest.mark.parametrize(
    ("target_type", "operation", "hook"),
    [
        ("transform", Operation.TRANSFORM, "transform"),
        ("unstructured", Operation.PREDICT_UNSTRUCTURED, "score_unstructured"),
    ],
)
def test_a_hook_that_returns_what_its_target_type_may_not_is_placed(
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    target_type: str,
    operation: Operation,
    hook: str,
) -> None:
    more = "" if hook == "transform" else ", **kwargs"
    code = f"\ndef {hook}(first, second{more}):\n    return 3\n"
    message = asked(write_folder(tmp_path, code), target_type, operation)
    assert "but received <class 'int'>" in message
    (record,) = caplog.records
    assert record.getMessage().endswith(f" (at {tmp_path}/custom.py, line 6, in {hook})")


def test_the_type_of_what_ended_a_stream_stands_before_its_text(
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert describe_failure(KeyError("late")) == "ERROR: 'late'"
    (record,) = caplog.records
    assert record.getMessage() == "A stream failed: KeyError: 'late'"


def test_a_status_without_end_is_the_hooks_failure() -> None:
    answer = error_response(CustomHTTPError("mine", float("inf")))  # type: ignore[arg-type]
    assert answer.status == 500 and b"was raised with the status inf" in answer.body


@pytest.mark.parametrize(
    ("error", "status"), [(CustomHTTPError("a\ud800", 418), 418), (ValueError("a\ud800"), 500)]
)
def test_half_a_sign_is_told_too(error: Exception, status: int) -> None:
    # What pytest captured of the log could not go from one of its processes to another.
    logging.disable(logging.CRITICAL)
    try:
        answer = error_response(error)
    finally:
        logging.disable(logging.NOTSET)
    assert answer.status == status and b"a\\\\ud800" in answer.body
