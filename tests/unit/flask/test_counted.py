"""A body that is counted while it is read is the same body."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datarobot_drum.drum.exceptions import MalformedRequestError, OverloadedError
from datarobot_drum.drum.flask.counted import CountedInput
from datarobot_drum.drum.prediction.figures.metrics import Metrics
from datarobot_drum.drum.serving import body, budget
from datarobot_drum.drum.serving.budget import BodyBudget, Share

WAYS: dict[str, Callable[[CountedInput], bytes]] = {
    "at once": lambda source: source.read(),
    "in pieces": lambda source: b"".join(iter(lambda: source.read(7), b"")),
    "in lines": lambda source: b"".join(source.readlines()),
    "in short lines": lambda source: b"".join(iter(lambda: source.readline(3), b"")),
    "one after the other": lambda source: b"".join(source),
}


class Source(io.BytesIO):
    """Remembers the most that it was asked for."""

    most = 0

    def read(self, size: int | None = -1, /) -> bytes:
        assert size is not None and size > 0
        self.most = max(self.most, size - self.tell())
        return super().read(size)


def nothing() -> None:
    pass


@given(st.binary(max_size=300), st.sampled_from(sorted(WAYS)), st.booleans())
def test_every_way_of_reading_gives_the_whole_body(sent: bytes, way: str, is_known: bool) -> None:
    with pytest.MonkeyPatch.context() as patch:
        for module in (body, budget):
            patch.setattr(module, "FREE", 10)
        bodies = BodyBudget(None, Metrics())
        with Share(bodies) as share:
            source = Source(sent + b"the next request" if is_known else sent)
            counted = CountedInput(source, share, nothing, len(sent) if is_known else None)
            assert WAYS[way](counted) == sent
            assert counted.ended
            assert bodies.taken == (len(sent) if len(sent) > 10 else 0)
        # Little more than has come is made ready for what has not.
        assert source.most <= 10
        assert bodies.taken == 0


@pytest.mark.parametrize("way", WAYS)
def test_a_body_that_ends_early_is_told(way: str) -> None:
    share = Share(BodyBudget(None, Metrics()))
    with pytest.raises(MalformedRequestError):
        WAYS[way](CountedInput(io.BytesIO(b"a\nb\n"), share, nothing, 5))


def test_what_may_not_be_read_is_not_read() -> None:
    def refuse() -> None:
        raise OverloadedError("no")

    source = io.BytesIO(b"abc")
    with pytest.raises(OverloadedError):
        CountedInput(source, Share(BodyBudget(None, Metrics())), refuse, 3).read()
    assert source.tell() == 0
