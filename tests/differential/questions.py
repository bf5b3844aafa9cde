"""Which rows are asked, in which order of columns, and what has to come back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pandas as pd

from tests.contract.clients import Answer
from tests.differential.askers import Columns, columns_of
from tests.differential.data import DIGITS, Rng
from tests.differential.formats import Format, Sent, is_text
from tests.differential.seed import repeat_with
from tests.differential.subjects import Case

# What a column of codes holds when a reader may take it for one of numbers.
_LIKE_NUMBERS = frozenset({"07", "12", "1e5", "1.50", "-0", *DIGITS})

_MOST_SHOWN = 30


@dataclass(frozen=True)
class Question:
    """Rows of a case's table. ``frame`` is what the judge gets, ``sent`` what a client has."""

    case: Case
    kind: str
    rows: tuple[int, ...]
    columns: tuple[str, ...]

    @property
    def frame(self) -> pd.DataFrame:
        return self.case.subject.table.asked.iloc[list(self.rows)].reset_index(drop=True)

    @property
    def sent(self) -> pd.DataFrame:
        rows = self.case.subject.table.sent.iloc[list(self.rows)]
        return rows[list(self.columns)].reset_index(drop=True)

    def fits(self, form: Format) -> bool:
        in_order = self.columns == tuple(self.case.subject.table.frame.columns)
        named = form.by_name and self.case.subject.named
        return form.fits(self.sent) and (named or in_order)

    def encoded(self, form: Format) -> Sent:
        return _encoded(self, form)

    def expected(self, form: Format) -> Any:
        """The judge's predictions, shape (rows, columns); None where it raises."""
        return _judged(self, form.delivers)

    def is_refused_sparse(self, form: Format) -> bool:
        """The rows come as a sparse matrix, and the model takes none."""
        return form.sparse and _judged(self, _as_sparse) is None


def _as_sparse(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.astype(float).astype(pd.SparseDtype(float, 0.0))


@cache
def _encoded(question: Question, form: Format) -> Sent:
    return form.encode(question.sent)


@cache
def _judged(question: Question, delivers: Callable[[pd.DataFrame], pd.DataFrame]) -> Any:
    try:
        return question.case.judge(delivers(question.frame))
    except Exception:
        return None


def questions(case: Case, rng: Rng) -> Iterator[Question]:
    """One row of every awkward kind, all rows, some rows with their columns in another order."""
    table = case.subject.table
    order = tuple(table.frame.columns)
    everything = range(len(table.asked))
    yield Question(case, "one row", (int(rng.integers(len(everything))),), order)
    for kind, rows in _awkward(table.sent):
        yield Question(case, kind, (int(rng.choice(rows)),), order)
    strict = case.subject.strict
    yield Question(
        case, "all rows", tuple(range(len(table.frame)) if strict else everything), order
    )
    if strict:
        yield Question(case, "an unseen value", (len(table.frame), 0), order)
    rows = tuple(rng.permutation(len(table.frame))[:7].tolist())
    shuffled = tuple(rng.permutation(order).tolist())
    shuffled = shuffled if shuffled != order else shuffled[::-1]
    yield Question(case, "shuffled columns", rows, shuffled)


def _awkward(sent: pd.DataFrame) -> Iterator[tuple[str, Any]]:
    texts = [name for name in sent if is_text(sent[name])]
    figures = [name for name in sent if not is_text(sent[name])]
    kinds = {
        "a gap in a text": sent[texts].isna().any(axis=1),
        "a gap in a number": sent[figures].isna().any(axis=1),
        "a text like a number": sent[texts].isin(_LIKE_NUMBERS).any(axis=1),
        "a text like a truth": sent[texts].isin({"True"}).any(axis=1),
    }
    for kind, has_it in kinds.items():
        if has_it.any():
            yield kind, np.flatnonzero(has_it)


# -- the verdict


def fault(question: Question, form: Format, answer: Answer) -> str | None:
    """What is wrong with an answer, judged by the model in the process that trained it."""
    expected = question.expected(form)
    if expected is None:
        return "200, where the model raises" if answer.status == 200 else None
    if answer.status != 200:
        if question.is_refused_sparse(form):
            return None
        return f"{answer.status} {answer.body[:300]!r}"
    return difference(question.case, columns_of(answer), expected)


def difference(case: Case, found: Columns, expected: Any) -> str | None:
    """How predictions differ from the judge's."""
    subject = case.subject
    names: Sequence[str] = subject.labels or ("Predictions",)
    if subject.target == "transform":
        names = [*found]
    if {*found} != {*names}:
        return f"the columns are {[*found]}"
    values = np.column_stack([found[name] for name in names])
    if values.shape != expected.shape:
        return f"the shape is {values.shape} instead of {expected.shape}"
    if same(values, expected, subject.tolerance):
        return None
    close = np.isclose(values, expected, subject.tolerance, subject.tolerance, equal_nan=True)
    row = int(close.all(axis=1).argmin())
    return f"row {row} of {len(values)} is {values[row]} instead of {expected[row]}"


def same(values: Any, expected: Any, tolerance: float = 0.0) -> bool:
    """Equal to the last bit, the sign of a zero too, or nearly so where that is stated."""
    if tolerance:
        return bool(np.allclose(values, expected, tolerance, tolerance, equal_nan=True))
    signs = np.signbit(values) == np.signbit(expected)
    return np.array_equal(values, expected, equal_nan=True) and bool(
        (signs | np.isnan(expected)).all()
    )


def described(question: Question, form: Format) -> str:
    return f"{form.name}, {question.kind} {question.rows[:3]}"


def refuse(faults: Iterable[str]) -> None:
    """Fail if there are any; the text says how to see them again."""
    faults = list(faults)
    if faults:
        more = f"\n… and {len(faults) - _MOST_SHOWN} more" if len(faults) > _MOST_SHOWN else ""
        shown = "\n".join(faults[:_MOST_SHOWN])
        raise AssertionError(f"{repeat_with()}\n{shown}{more}")
