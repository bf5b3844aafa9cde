"""Which exceptions count as a refusal of the rows, and what is told of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from datarobot_drum.drum.model.columns import InputColumns
from datarobot_drum.drum.model.refusals import refusal

FRAME = pd.DataFrame({"a": [1.0, 2.0, np.nan], "b": [1.0, np.inf, 5e300], "c": ["x", "1", "yy"]})
FRAME["d"] = [1, [2], {"k": 3}]
COLUMNS = InputColumns(tuple(FRAME), text=frozenset({"c"}))


def is_taken(rows: Any) -> None:
    """Stands in for a model that does."""


def told(text: str, frame: Any = FRAME, **categories: list[Any]) -> str | None:
    error = refusal(ValueError(text), frame, COLUMNS, is_taken, lambda: categories)
    return None if error is None else str(error).partition(" The model says: ")[0]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("could not convert string to float: 'yy'", "Column 'c' holds 'yy' in row 3."),
        ("Cannot do:\ncould not convert string to float: 'x'", "Column 'c' holds 'x' in row 1."),
        ("Input X contains NaN.\nMore.", "Values are missing in column 'a', the first in row 3."),
        (
            "Input X contains infinity or a value too large for dtype('float64').",
            "Column 'b' holds inf in row 2, which is too large for the model.",
        ),
        (
            "unhashable type: 'list'",
            "Column 'd' holds [2] in row 2, which is neither number nor te",
        ),
        ("Negative values in data passed to X", None),
        ("could not convert string to float: 'z'", None),
        ("np.nan is an invalid document", "Values are missing in column 'a', the first in row 3."),
        ("no luck", None),
    ],
)
def test_text_and_rows_have_to_agree(text: str, expected: str | None) -> None:
    said = told(text)
    assert said == expected or (expected is not None and str(said).startswith(expected))


def test_a_refusal_of_what_the_rows_do_not_hold_is_the_models_failure() -> None:
    clean = pd.DataFrame({"a": [1.0, 2.0], "b": [0.5, 1e30]})
    assert told("Input X contains NaN.", clean) is None
    assert (
        told("Input X contains infinity or a value too large for dtype('float64').", clean) is None
    )
    assert told("unhashable type: 'dict'", clean) is None
    assert told("could not convert string to float: 'missing'", clean) is None


def test_an_unknown_category_is_looked_for_where_others_are_refused() -> None:
    text = "Found unknown categories ['1'] in column 0 during transform"
    assert (
        told(text, c=["x", "yy"]) == "Column 'c' holds '1' in row 2, which the model does not know."
    )
    assert told(text) == "The rows hold a category that the model does not know."


def test_arrays_have_the_models_names() -> None:
    values = FRAME[["a", "b"]].to_numpy()
    columns = InputColumns(("left", "right"))
    error = refusal(ValueError("Input contains NaN"), values, columns, is_taken)
    assert "column 'left', the first in row 3" in str(error)


def test_the_words_of_native_code_come_without_its_stack() -> None:
    text = (
        "[22] /src/data.cc:1: Check failed: valid: Input data contains `inf` or a value too large"
    )
    error = refusal(
        ValueError(f"{text}, so\nStack trace:\n (0) /lib/x.so"), FRAME, COLUMNS, is_taken
    )
    words = "The model says: Input data contains `inf` or a value too large, so."
    assert str(error).endswith(words)
