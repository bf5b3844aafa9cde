"""Bodies of all sizes, in pieces, on both applications."""

from __future__ import annotations

import errno
import io
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datarobot_drum.drum.exceptions import BodyTooLargeError
from datarobot_drum.drum.knobs.serving import HttpSettings
from datarobot_drum.drum.prediction.payload.multipart import parse_multipart
from datarobot_drum.drum.serving import body
from datarobot_drum.drum.serving.body import JOINED_UP_TO, BodyCollector
from tests.contract.clients import BOUNDARY, file_part, multipart
from tests.unit.serving.fronts import FRONTS, front

FORM = f"multipart/form-data; boundary={BOUNDARY}"


@given(st.lists(st.binary(max_size=40)), st.sampled_from(["text/csv", FORM]))
def test_pieces_make_the_whole(pieces: list[bytes], content_type: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(body, "JOINED_UP_TO", 30)
        patch.setattr(body, "SPOOLED_FROM", 60)
        collector = BodyCollector(None, content_type)
        for piece in pieces:
            collector.add(piece)
        assert bytes(collector.finish()) == b"".join(pieces)


def test_a_large_form_is_spooled_and_parsed_from_there() -> None:
    table = b"a\n" + b"1.5\n" * 3_000_000
    whole = multipart(file_part("X", table, "rows.csv"))
    collector = BodyCollector(None, FORM)
    for start in range(0, len(whole), 65536):
        collector.add(whole[start : start + 65536])
    view = collector.finish()
    assert isinstance(view, memoryview)
    (part,) = parse_multipart(view, FORM)
    assert part.data == table


def test_a_large_plain_body_is_bytes_in_memory() -> None:
    collector = BodyCollector(None, "text/csv")
    for _ in range(20):
        collector.add(b"x" * 1024 * 1024)
    assert collector.finish() == b"x" * 20 * 1024 * 1024


def test_the_limit_holds_while_reading() -> None:
    collector = BodyCollector(10, "text/csv")
    collector.add(b"x" * 10)
    with pytest.raises(BodyTooLargeError, match="larger than the 10 bytes allowed"):
        collector.add(b"x")
    with pytest.raises(BodyTooLargeError):
        BodyCollector(10, "text/csv", "11")
    BodyCollector(10, "text/csv", "10")


@pytest.mark.parametrize("name", FRONTS)
def test_one_byte_too_many(name: str) -> None:
    with front(name, http=HttpSettings(max_body=100)) as (client, _, _):
        assert client.predict(b"a\n" + b"1\n" * 49).status == 200
        answer = client.predict(b"a\n" + b"1\n" * 50)
        assert answer.status == 413
        assert answer.message == "ERROR: The request body is larger than the 100 bytes allowed."
        assert client.predict(b"a\n1\n").status == 200


@pytest.mark.parametrize("name", FRONTS)
def test_a_large_form_is_read_like_a_small_one(name: str, tmp_path: Path) -> None:
    rows = 1_200_000
    table = b"a\n" + b"1234.5\n" * rows
    with front(name) as (client, _, _):
        answer = client.upload("/predict/", file_part("X", table, "rows.csv"))
        assert len(answer.predictions) == rows


def test_a_form_for_which_there_is_no_room_is_let_go_of(monkeypatch: pytest.MonkeyPatch) -> None:
    class Full(io.BytesIO):
        def write(self, _data: object) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

        def close(self) -> None:
            super().close()
            raise OSError(errno.ENOSPC, "No space left on device")

    file = Full()
    monkeypatch.setattr(tempfile, "TemporaryFile", lambda **_: file)
    collector = BodyCollector(None, "multipart/form-data")
    pieces = [b"x" * JOINED_UP_TO] * 10
    with pytest.raises(OSError, match="No space") as raised, collector:
        any(map(collector.add, pieces))
    assert raised.value.__context__ is None
    assert file.closed
