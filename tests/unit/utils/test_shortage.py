"""What counts as a shortage, and that it is told of once."""

from __future__ import annotations

import errno
import logging

import pytest

from datarobot_drum.drum.exceptions import ModelError
from datarobot_drum.drum.prediction.errors import error_response
from datarobot_drum.drum.utils import shortage as module
from datarobot_drum.drum.utils.shortage import NO_THREAD, Complaint, shortage

SHORTAGES = [
    *(
        OSError(number, "text", "/a/path")
        for number in (
            *(errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS),
            *(errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS),
        )
    ),
    MemoryError(),
    RuntimeError(NO_THREAD),
]


@pytest.mark.parametrize("error", SHORTAGES, ids=repr)
def test_what_the_system_has_no_more_of_is_a_503_to_try_again(error: Exception) -> None:
    answer = error_response(error)
    assert answer.status == 503
    assert answer.headers == (("Retry-After", "1"),)
    assert isinstance(answer.body, bytes)
    assert b"Try again later." in answer.body
    assert b"/a/path" not in answer.body


@pytest.mark.parametrize(
    "error",
    [
        FileNotFoundError(errno.ENOENT, "No such file"),
        PermissionError(errno.EACCES, "No permission"),
        RuntimeError("a defect"),
        ModelError("the hook wanted too much"),
    ],
    ids=repr,
)
def test_other_failures_stay_what_they_are(error: Exception) -> None:
    assert shortage(error) is None
    assert error_response(error).status == 500


def test_a_shortage_is_told_of_once_and_again_when_it_comes_back(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1000.0
    monkeypatch.setattr(module.time, "monotonic", lambda: now)
    complaint = Complaint(logging.getLogger("drum.test"), "Refused: %s")
    for _ in range(1000):
        now += 10
        complaint.tell("memory")
    complaint.tell("disk")
    assert [record.message for record in caplog.records] == ["Refused: memory", "Refused: disk"]
    now += 61
    complaint.tell("memory")
    assert caplog.records[-1].message == "Refused: memory"
    assert len(caplog.records) == 3
