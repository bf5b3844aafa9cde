"""``cells.c`` as it was compiled when the package was built (``hatch_build.py``)."""

from __future__ import annotations

import ctypes
from itertools import accumulate
from pathlib import Path
from typing import Any, Final, NamedTuple

from datarobot_drum.drum.prediction.payload.csv.dialect import FALSE_WORDS, TRUE_WORDS
from datarobot_drum.drum.utils.gaps import MISSING

PATH: Final = Path(__file__).with_name("cells.so.1")

# As in cells.c, whose functions are called with what is laid out here.
_VERSION: Final = 1
_MAX_WORDS: Final = 32
_MAX_SIZE: Final = 16
_TRUE, _FALSE = 32, 33
_POWERS: Final = range(-200, 151)
BLOCKS: Final = 6

# The number of each word in the bits of ``Table.gaps``.
WORDS: Final = {word: number for number, word in enumerate(sorted(MISSING))}


class _Dialect(ctypes.Structure):
    _fields_ = (
        ("words", ctypes.c_char * _MAX_SIZE * _MAX_WORDS),
        ("powers", ctypes.c_uint64 * 2 * len(_POWERS)),
        ("tens", ctypes.c_double * _POWERS.stop),
        ("codes", ctypes.c_uint8 * _MAX_WORDS),
        ("first_of_size", ctypes.c_uint8 * (_MAX_SIZE + 2)),
        ("may_start", ctypes.c_uint8 * 256),
        ("old_decimals", ctypes.c_uint8),
    )


class Table(ctypes.Structure):
    """What is read and where to: see cells.c."""

    _fields_ = (
        ("body", ctypes.c_void_p),
        ("size", ctypes.c_int64),
        ("start", ctypes.c_int64),
        ("width", ctypes.c_int64),
        ("rows", ctypes.c_int64),
        ("chunk", ctypes.c_int64),
        ("some", ctypes.c_int64),
        ("kinds", ctypes.c_void_p),
        ("gaps", ctypes.c_void_p),
        ("blocks", ctypes.c_void_p * BLOCKS),
        ("longest", ctypes.c_int64),
    )


class Arrow(ctypes.Structure):
    """Columns of texts and where they go: see cells.c."""

    _fields_ = (
        ("body", ctypes.c_void_p),
        ("texts", ctypes.c_void_p),
        ("columns", ctypes.c_int64),
        ("rows", ctypes.c_int64),
        ("offsets", ctypes.c_void_p),
        ("present", ctypes.c_void_p),
        ("characters", ctypes.c_void_p),
        ("missing", ctypes.c_void_p),
    )


class _Python(ctypes.Structure):
    _fields_ = (
        ("decode", ctypes.c_void_p),
        ("keep", ctypes.c_void_p),
        ("release", ctypes.c_void_p),
        ("nan", ctypes.c_void_p),
    )


class Library(NamedTuple):
    """The functions, and what the first and the last of them are told."""

    read: Any
    count_lines: Any
    text_bytes: Any
    arrow: Any
    objects: Any
    dialect: Any
    python: Any


def load(old_decimals: bool, path: Path = PATH) -> Library | None:
    """None: the package was built without a compiler.

    Args:
        old_decimals: read them as pandas 2 does, not rounded correctly.
    """
    try:
        # The first lets go of the interpreter, the second makes its objects.
        free, holding = ctypes.CDLL(str(path)), ctypes.PyDLL(str(path))
    except OSError:
        return None
    if free.drum_version() != _VERSION:
        return None
    number: Any = ctypes.c_int64
    address: Any = ctypes.c_void_p
    for function, *arguments in (
        (free.drum_read, address, address),
        (free.drum_count_lines, address, number),
        (free.drum_text_bytes, address, number),
        (free.drum_arrow, address),
        (holding.drum_objects, address, address, address, number, address, address),
    ):
        function.argtypes, function.restype = arguments, number
    return Library(
        free.drum_read,
        free.drum_count_lines,
        free.drum_text_bytes,
        free.drum_arrow,
        holding.drum_objects,
        _dialect(old_decimals),
        _python(),
    )


def _dialect(old_decimals: bool) -> _Dialect:
    codes = WORDS | dict.fromkeys(TRUE_WORDS, _TRUE) | dict.fromkeys(FALSE_WORDS, _FALSE)
    words = sorted((word.encode(), code) for word, code in codes.items())
    words.sort(key=lambda entry: len(entry[0]))
    dialect = _Dialect(old_decimals=old_decimals)
    for place, (word, code) in enumerate(words):
        dialect.words[place].value = word
        dialect.codes[place] = code
        dialect.may_start[word[0] if word else 0] = 1
    sizes = [len(word) for word, _ in words]
    counts = (sizes.count(size) for size in range(_MAX_SIZE + 1))
    for size, first in enumerate(accumulate(counts, initial=0)):
        dialect.first_of_size[size] = first
    for place, power in enumerate(_POWERS):
        leading = _leading_bits(power)
        dialect.powers[place][0], dialect.powers[place][1] = leading >> 64, leading % 2**64
    for power in range(_POWERS.stop):
        dialect.tens[power] = float(f"1e{power}")
    return dialect


def _leading_bits(power: int) -> int:
    """The first 128 bits of 5**power: cut off, or with a reciprocal rounded up."""
    five: int = 5 ** abs(power)
    if power >= 0:
        shift = 128 - five.bit_length()
        return five << shift if shift >= 0 else five >> -shift
    bits = (five - 1).bit_length()
    leading = (1 << (bits + 127 if power >= -27 else 2 * bits + 128)) // five + 1
    return leading >> max(leading.bit_length() - 128, 0)


def _python() -> _Python:
    import numpy as np

    interface = ctypes.pythonapi
    addresses = (
        ctypes.cast(function, ctypes.c_void_p)
        for function in (interface.PyUnicode_DecodeUTF8, interface.Py_IncRef, interface.Py_DecRef)
    )
    # The address of an object is its id in CPython, the only one with this interface.
    return _Python(*addresses, id(np.nan))
