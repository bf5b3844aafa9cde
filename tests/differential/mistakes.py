"""Columns that are missing, misspelt, unknown, too few or too many."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from datarobot_drum.drum.exceptions import DrumException
from datarobot_drum.drum.utils.spelling import Spelling
from tests.contract.clients import Answer
from tests.contract.folders import Folder
from tests.differential.askers import ask, cold, columns_of, csv_columns, score
from tests.differential.formats import BY_NAME, Format
from tests.differential.questions import difference
from tests.differential.seed import generator
from tests.differential.subjects import Case

_NAMED = ("csv", "json-records", "v2", "arrow", "parquet")
_NAMELESS = ("csv", "json-lists", "v2", "arrow", "v2-matrix")


def mistakes(case: Case, folder: Folder, work: Path) -> Iterator[str]:
    """What is wrong with how a model's client is told of mistakes."""
    for kind, frame, names in _made(case):
        if kind == "an unknown column":
            yield from _taken_or_refused(case, folder, frame, work)
            continue
        yield from _refused(case, folder, (kind, frame, names), work)


def _made(case: Case) -> Iterator[tuple[str, pd.DataFrame, tuple[str, ...]]]:
    """Kind of mistake, rows that have it, and the names that the error has to quote."""
    table, rng = case.subject.table, generator(case.name, "mistakes")
    rows = table.sent.iloc[_chosen(case)].reset_index(drop=True)
    name = str(rng.choice([each for each in rows if len(each.strip()) > 2] or list(rows)))
    extra = rows.assign(**{"no such": 1.0})
    if not case.subject.named:
        yield "a column too few", rows.drop(columns=name), ()
        yield "a column too many", extra, ()
        return
    misspelt = f"{name[:-1]}{name[-1]}{name[-1]}"
    yield "a missing column", rows.drop(columns=name), (name,)
    yield "a misspelt column", rows.rename(columns={name: misspelt}), (name, misspelt)
    yield "an unknown column", extra[["no such", *rows]], ()


def _refused(
    case: Case, folder: Folder, mistake: tuple[str, pd.DataFrame, tuple[str, ...]], work: Path
) -> Iterator[str]:
    kind, frame, names = mistake
    for form in _formats(case, frame):
        with cold(folder) as client:
            answer = ask(client, folder, form.encode(frame))
        where = f"{kind}, {form.name}"
        if answer.status != 422:
            yield f"{where}: {answer.status} {answer.body[:300]!r}"
        elif not all(_tells(_text(answer), name) for name in names):
            yield f"{where}: does not name {names}: {_text(answer)}"
    form = BY_NAME["csv"]
    try:
        score(folder, form, form.encode(frame), work)
    except DrumException as error:
        if not all(_tells(str(error), name) for name in names):
            yield f"{kind}, score: does not name {names}: {error}"
    else:
        yield f"{kind}, score: predictions"


def _taken_or_refused(case: Case, folder: Folder, frame: pd.DataFrame, work: Path) -> Iterator[str]:
    """A column that a framework ignores by name changes nothing; else it is the client's."""
    expected = case.judge(case.subject.table.asked.iloc[_chosen(case)].reset_index(drop=True))
    for form in _formats(case, frame):
        with cold(folder) as client:
            answer = ask(client, folder, form.encode(frame))
        wrong = _unknown_fault(case, answer, expected)
        if wrong:
            yield f"an unknown column, {form.name}: {wrong}"
    form = BY_NAME["csv"]
    try:
        found = csv_columns(score(folder, form, form.encode(frame), work))
    except DrumException:
        return
    wrong = difference(case, found, expected)
    if wrong:
        yield f"an unknown column, score: {wrong}"


def _unknown_fault(case: Case, answer: Answer, expected: object) -> str | None:
    if answer.status == 200:
        return difference(case, columns_of(answer), expected)
    return None if answer.status == 422 else f"{answer.status} {answer.body[:300]!r}"


def _formats(case: Case, frame: pd.DataFrame) -> list[Format]:
    chosen = _NAMED if case.subject.named else _NAMELESS
    return [BY_NAME[name] for name in chosen if BY_NAME[name].fits(frame)]


def _chosen(case: Case) -> list[int]:
    rng = generator(case.name, "mistaken rows")
    return [int(row) for row in rng.permutation(len(case.subject.table.frame))[:3]]


def _text(answer: Answer) -> str:
    return str(next(iter(answer.json().values())))


def _tells(text: str, name: str) -> bool:
    """A framework may know a column by a spelling of its own."""
    return any(spelling.of(name) in text for spelling in Spelling)
