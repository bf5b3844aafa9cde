"""Columns of text out of a body that ``cells.c`` has read: what pandas has them as."""

from __future__ import annotations

from ctypes import byref
from typing import TYPE_CHECKING, Any, NamedTuple

from datarobot_drum.drum.prediction.payload.csv.dialect import text_dtype
from datarobot_drum.drum.prediction.payload.csv.frame import Block
from datarobot_drum.drum.prediction.payload.csv.library import Arrow, Library

if TYPE_CHECKING:
    import numpy as np


class Texts(NamedTuple):
    """Where texts stand.

    Args:
        body: its address.
        places: of the texts, as cells.c packs them; shape (columns, rows).
        longest: bytes of the longest that has doubled quotes.
    """

    body: int
    places: np.ndarray[Any, Any]
    longest: int


def text_blocks(
    library: Library, texts: Texts, columns: np.ndarray[Any, Any]
) -> list[Block] | None:
    """The texts as blocks of a frame; None: one is no UTF-8.

    Args:
        columns: which ones of the frame they are.
    """
    import pandas as pd

    dtype: Any = text_dtype()
    if getattr(dtype, "storage", None) == "pyarrow":
        arrays = _arrow_arrays(library, texts)
        if arrays is None:
            return None
        made = [dtype.__from_arrow__(array) for array in arrays]
    else:
        objects = _objects(library, texts)
        if objects is None or (dtype.kind == "O" and not isinstance(dtype, pd.StringDtype)):
            return None if objects is None else [(objects, columns)]
        made = [pd.array(column, dtype=dtype) for column in objects]
    return [(column, columns[place : place + 1]) for place, column in enumerate(made)]


def _objects(library: Library, texts: Texts) -> np.ndarray[Any, Any] | None:
    import numpy as np

    objects = np.empty(texts.places.shape, dtype=object)
    scratch = np.empty(texts.longest, np.uint8)
    try:
        for places, into in zip(texts.places, objects, strict=True):
            library.objects(
                byref(library.python),
                texts.body,
                places.ctypes.data,
                len(places),
                into.ctypes.data,
                scratch.ctypes.data,
            )
    except UnicodeDecodeError:
        return None
    return objects


def _arrow_arrays(library: Library, texts: Texts) -> list[Any] | None:
    import numpy as np
    import pyarrow as pa

    columns, rows = texts.places.shape
    bits = (rows + 7) // 8
    places = texts.places.ctypes.data
    offsets = np.empty((columns, rows + 1), np.int64)
    present = np.empty(columns * bits, np.uint8)
    characters = np.empty(library.text_bytes(places, texts.places.size), np.uint8)
    missing = np.empty(columns, np.int64)
    into = [array.ctypes.data for array in (offsets, present, characters, missing)]
    if library.arrow(byref(Arrow(texts.body, places, columns, rows, *into))) < 0:
        return None
    buffers = pa.py_buffer(offsets), pa.py_buffer(characters), pa.py_buffer(present)
    arrays = []
    used, step = 0, offsets.itemsize * (rows + 1)
    counts = zip(missing.tolist(), offsets[:, -1].tolist(), strict=True)
    for column, (gaps, length) in enumerate(counts):
        # Slices, so that who pickles one column takes no other with it.
        array = pa.LargeStringArray.from_buffers(
            rows,
            buffers[0].slice(column * step, step),
            buffers[1].slice(used, length),
            buffers[2].slice(column * bits, bits) if gaps else None,
            gaps,
        )
        used += length
        arrays.append(array)
    return arrays
