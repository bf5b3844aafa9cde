"""Awkward tables: what people train on, and what they ask."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

Rng = np.random.Generator

ROWS = 80
NAMES = (
    "sepal length",
    "a.b",
    "größe",
    "3",
    "Column_0",
    " lead",
    "a",
    "a.1",
    "<5>",
    "nan",
    "index",
    "x[1]",
    "Unnamed: 0",
    'he said "x", y',
)
# What a reader that looks at one column of one request takes for something else than text.
CODES = ("07", "12", "A1", "1e5", "True", "1.50", "inf", "-0")
DIGITS = ("007", "012", "101", "1000000000000000000000", "0")
TOWNS = ("Köln", "New York", "A, B", 'so "called"', "O'Hare", " lead", "Łódź;x")
WORDS = ("red", "green", "apple", "pear", "07", "True", "ripe", "été")


@dataclass(frozen=True)
class Table:
    """Rows that a model is fitted on, and rows that it is asked for.

    Attributes:
        frame: the training rows.
        score: a number for each training row that every column has a part in.
        asked: the training rows and some more, as the judge gets them.
        sent: the same rows as a client has them: no dtype of pandas' own.
    """

    frame: pd.DataFrame
    score: np.ndarray[Any, Any]
    asked: pd.DataFrame
    sent: pd.DataFrame

    def classes(self, labels: Sequence[Any]) -> np.ndarray[Any, Any]:
        """The labels in their order, each for as many rows, by the score's rank."""
        ranks = self.score.argsort(kind="stable").argsort(kind="stable")
        return np.array(labels)[ranks * len(labels) // len(ranks)]

    def flags(self, count: int) -> np.ndarray[Any, Any]:
        """Labels that a row may have several of, shape (rows, count), 0 or 1."""
        shares = [(i + 1) / (count + 1) for i in range(count)]
        columns = [self.score > np.quantile(self.score, share) for share in shares]
        return np.column_stack([*columns[:-1], ~columns[-1]]).astype(int)


def odd_names(rng: Rng, count: int, without: str = "") -> list[str]:
    """Names with blanks, dots, quotes …; the first one has a blank.

    Args:
        without: characters that the framework refuses in a name.
    """
    allowed = [name for name in NAMES[1:] if not {*name} & {*without}]
    return [NAMES[0], *rng.permutation(allowed)[: count - 1].tolist()]


def numbers(rng: Rng, *, without: str = "", gaps: bool = False, extreme: bool = True) -> Table:
    """Numbers of every size: whole, decimal, constant, zeros of both signs, some rows twice.

    Args:
        gaps: some are missing.
        extreme: some are so large or so small that a sum of all has no digit of them.
    """
    columns: list[Any] = [
        rng.normal(0, 10, ROWS).round(4),
        rng.integers(-5, 50, ROWS),
        rng.integers(0, 9, ROWS).astype(float),
        rng.choice([-0.0, 0.0, 1.5, -2.0], ROWS),
        np.full(ROWS, 7.25),
        rng.normal(100, 30, ROWS).round(2),
    ]
    if extreme:
        columns += [rng.integers(2**52, 2**53, ROWS), (rng.normal(0, 9, ROWS) * 1e4).round() / 1e16]
    if gaps:
        for column in (0, 3, 5):
            columns[column][rng.random(ROWS) < 0.2] = np.nan
    frame = pd.DataFrame(dict(zip(odd_names(rng, len(columns), without), columns, strict=True)))
    frame = frame.iloc[[*range(ROWS - 5), *range(5)]].reset_index(drop=True)
    return Table(frame, _score(rng, frame), frame, frame)


def mixed(
    rng: Rng,
    *,
    without: str = "",
    truths: bool = True,
    gaps: bool = True,
    gap: Any = np.nan,
) -> Table:
    """Numbers, yes and no, and texts that look like numbers.

    Args:
        truths: with a column of True and False, and one of whole numbers; else all decimals.
        gaps: of the texts; numbers always have them.
        gap: what a missing text is in the training frame: NaN or None.
    """
    size = rng.normal(3, 1, ROWS).round(3)
    size[rng.random(ROWS) < 0.2] = np.nan
    towns = rng.choice(TOWNS, ROWS).astype(object)
    if gaps:
        towns[rng.random(ROWS) < 0.2] = gap
    columns: list[Any] = [
        size,
        rng.integers(0, 20, ROWS).astype(int if truths else float),
        rng.random(ROWS) < 0.5 if truths else rng.normal(0, 1, ROWS).round(5),
        _every(rng, CODES),
        _every(rng, DIGITS),
        pd.Series(towns, dtype=object) if gap is None else pd.Series(towns.tolist()),
    ]
    frame = pd.DataFrame(dict(zip(odd_names(rng, len(columns), without), columns, strict=True)))
    unseen = frame.iloc[:2].copy()
    unseen.isetitem(3, ["0700", "zz"])
    unseen.isetitem(5, ["Ulm", "007"])
    asked = pd.concat([frame, unseen], ignore_index=True).astype(frame.dtypes)
    return Table(frame, _score(rng, frame), asked, asked)


def ascii_categories(rng: Rng, *, without: str = "") -> Table:
    """For XGBoost, which does not keep other letters whole."""
    ascii_towns = tuple(town for town in TOWNS if town.isascii())
    return categories(rng, without=without, towns=ascii_towns)


def categories(rng: Rng, *, without: str = "", towns: tuple[str, ...] = TOWNS) -> Table:
    """Pandas categories, of texts and of numbers, in no order; and a number with gaps."""
    names = odd_names(rng, 5, without)
    size = rng.normal(3, 1, ROWS).round(3)
    size[rng.random(ROWS) < 0.2] = np.nan
    homes = rng.choice(towns, ROWS).astype(object)
    homes[rng.random(ROWS) < 0.15] = np.nan
    values = [size, rng.integers(0, 20, ROWS), _every(rng, CODES), rng.integers(3, 9, ROWS), homes]
    plain = pd.DataFrame(dict(zip(names, values, strict=True)))
    kinds = {
        names[2]: pd.CategoricalDtype(rng.permutation(CODES).tolist()),
        names[3]: pd.CategoricalDtype(rng.permutation(np.arange(3, 9)).tolist()),
        names[4]: pd.CategoricalDtype(rng.permutation(towns).tolist()),
    }
    unseen = plain.iloc[:2].copy()
    unseen.isetitem(2, ["0700", "zz"])
    unseen.isetitem(3, [99, 4])
    sent = pd.concat([plain, unseen], ignore_index=True).astype(plain.dtypes)
    asked = sent.copy()
    for name, kind in kinds.items():
        codes = kind.categories.get_indexer(pd.Index(sent[name].astype(object)))
        asked[name] = pd.Categorical.from_codes(codes, dtype=kind)
    return Table(asked.iloc[:ROWS], _score(rng, plain), asked, sent)


def words(rng: Rng, *, without: str = "") -> Table:
    """A column of sentences, some of them one word that looks like a number; and a number."""
    names = odd_names(rng, 2, without)
    texts = [" ".join(rng.choice(WORDS, rng.integers(1, 4))) for _ in range(ROWS - 4)]
    texts += ["07", "12", "True", "1.50"]
    frame = pd.DataFrame({names[0]: texts, names[1]: rng.normal(0, 1, ROWS).round(3)})
    return Table(frame, _score(rng, frame), frame, frame)


def _every(rng: Rng, values: Sequence[str]) -> Any:
    """Each value at least twice."""
    drawn = [*values, *values, *rng.choice(values, ROWS - 2 * len(values)).tolist()]
    return rng.permutation(drawn).tolist()


def _score(rng: Rng, frame: pd.DataFrame) -> Any:
    """A sum in which each column weighs about as much as any other."""
    score = rng.normal(0, 0.01, len(frame))
    for position in range(frame.shape[1]):
        column = frame.iloc[:, position]
        if column.dtype.kind in "fiub":
            values = column.astype(float).fillna(column.astype(float).mean()).to_numpy()
        else:
            codes, known = pd.factorize(column)
            values = np.append(rng.permutation(len(known)), len(known))[codes].astype(float)
        spread = values.std() or 1.0
        score += (position + 1) * (values - values.mean()) / spread
    return score.round(6)
