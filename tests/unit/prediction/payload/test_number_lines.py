"""Numbers as lines of CSV: to the byte what Python's own writer makes of them."""

from __future__ import annotations

import csv
import io
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from datarobot_drum.drum.prediction.payload import number_lines as module
from datarobot_drum.drum.prediction.payload.number_lines import are_numbers, number_lines

DTYPES = ("f8", "f4", "f2", ">f8", "i8", "i4", "i1", "u8", "u2")


def by_python(values: np.ndarray[Any, Any]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    for row in values.tolist():
        writer.writerow([None if cell != cell else cell for cell in row])
    return text.getvalue().encode()


@given(
    st.sampled_from(DTYPES).flatmap(
        lambda name: arrays(np.dtype(name), array_shapes(min_dims=2, max_dims=2, max_side=5))
    )
)
def test_every_number(values: np.ndarray[Any, Any]) -> None:
    many = np.tile(values, (module._FEW, 1))
    assert b"".join(number_lines(values)) == by_python(values)
    assert b"".join(number_lines(many)) == by_python(many)


def test_the_ends_of_what_is_written_without_an_exponent() -> None:
    ends = [0.0, 1e-4, 1e16, 1e15, 2251799813685248.25, 123456.0, 1e-5]
    near = [np.nextafter(end, way) for end in ends for way in (-np.inf, np.inf)]
    for width in (1, 2):
        values = np.tile(np.array([*ends, *near]), 10 * width).reshape(-1, width)
        assert b"".join(number_lines(values)) == by_python(values)
        assert b"".join(number_lines(-values)) == by_python(-values)


@pytest.mark.parametrize("width", [1, 3])
def test_many_digits(width: int) -> None:
    random = np.random.default_rng()
    bits = random.integers(0, 2**64, 30_000, dtype=np.uint64).view(np.float64)
    quarters = random.integers(2**50, 2**53, 30_000) / 4
    for numbers in (bits, quarters, 10 ** random.uniform(-5, 17, 30_000)):
        values = numbers.reshape(-1, width)
        assert b"".join(number_lines(values)) == by_python(values)


def test_rows_come_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_AT_ONCE", 6)
    monkeypatch.setattr(module, "_FEW", 0)
    values = np.asfortranarray(np.arange(21.0).reshape(7, 3))
    values[4] = [np.nan, np.inf, 1e300]
    blocks = list(number_lines(values))
    assert [block.count(b"\n") for block in blocks] == [2, 2, 2, 1]
    assert b"".join(blocks) == by_python(values)


def test_no_rows() -> None:
    assert b"".join(number_lines(np.empty((0, 2)))) == b""


def test_what_is_no_number() -> None:
    assert [are_numbers(np.array([value])) for value in (True, "1", None, 1j)] == [False] * 4
