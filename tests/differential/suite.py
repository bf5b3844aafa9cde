"""The tests that every framework's file runs over its own cases."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from datarobot_drum.drum.exceptions import DrumException
from datarobot_drum.drum.prediction.answers import ModelAnswers
from datarobot_drum.drum.prediction.errors import error_response
from datarobot_drum.drum.prediction.lane.batching import Batcher
from datarobot_drum.drum.prediction.messages import PredictRequest
from tests.contract.clients import Answer, Headers
from tests.contract.folders import Folder
from tests.contract.fronts import in_process_fastapi, in_process_flask
from tests.differential.askers import ask, cold, columns_of, csv_columns, loaded, score
from tests.differential.formats import FORMATS, PREDICT, Format
from tests.differential.mistakes import mistakes
from tests.differential.questions import (
    Question,
    described,
    difference,
    fault,
    questions,
    refuse,
    same,
)
from tests.differential.seed import generator
from tests.differential.subjects import Case

APPLICATIONS = {"flask": in_process_flask, "fastapi": in_process_fastapi}
Pair = tuple[Question, Format]


# What a library warns of is no answer, and no error either.
@pytest.mark.filterwarnings("ignore")
class Differential:
    """Inherit with the framework's ``CASES``."""

    CASES: ClassVar[list[Case]] = []

    @pytest.fixture
    def folder(self, case: Case, folders_root: Path) -> Folder:
        return case.folder(folders_root)

    def test_every_format(self, case: Case, folder: Folder) -> None:
        faults = []
        for form in FORMATS:
            with cold(folder) as client:
                for question in asked_in(case, form):
                    wrong = fault(question, form, ask(client, folder, question.encoded(form)))
                    faults += [f"{described(question, form)}: {wrong}"] if wrong else []
        refuse(faults)

    def test_what_came_before_changes_nothing(self, case: Case, folder: Folder) -> None:
        chosen = list(dict.fromkeys(drawn(case, "before", 8) + revealing(case)))
        faults = []
        alone = [cold_answer(folder, *pair) for pair in chosen]
        with cold(folder) as client:
            for question, form in all_pairs(case):
                ask(client, folder, question.encoded(form))
            for (question, form), first in zip(chosen, alone, strict=True):
                changed = change(first, ask(client, folder, question.encoded(form)))
                faults += [f"{described(question, form)}: {changed}"] if changed else []
        refuse(faults)

    def test_company_changes_nothing(self, case: Case, folder: Folder) -> None:
        if case.subject.target == "transform":
            return  # such requests are never merged
        chosen, faults = drawn(case, "company", 30, is_prediction), []
        with cold(folder) as client:
            alone = [ask(client, folder, question.encoded(form)) for question, form in chosen]
        merged = in_company(folder, chosen)
        for (question, form), single, among in zip(chosen, alone, merged, strict=True):
            changed = change(single, among)
            faults += [f"{described(question, form)}: {changed}"] if changed else []
        refuse(faults)

    @pytest.mark.parametrize("application", APPLICATIONS)
    def test_each_application(self, case: Case, folder: Folder, application: str) -> None:
        faults = []
        with APPLICATIONS[application](folder) as client:
            for question, form in drawn(case, application, 10):
                wrong = fault(question, form, ask(client, folder, question.encoded(form)))
                faults += [f"{described(question, form)}: {wrong}"] if wrong else []
        refuse(faults)

    def test_score(self, case: Case, folder: Folder, tmp_path: Path) -> None:
        faults = []
        for question, form in drawn(case, "score", 15, is_file):
            wrong = score_fault(folder, question, form, tmp_path)
            faults += [f"{described(question, form)}: {wrong}"] if wrong else []
        refuse(faults)

    def test_mistakes_are_the_clients(self, case: Case, folder: Folder, tmp_path: Path) -> None:
        refuse(mistakes(case, folder, tmp_path))


@cache
def all_pairs(case: Case) -> list[Pair]:
    return [(question, form) for form in FORMATS for question in asked_in(case, form)]


def drawn(
    case: Case, purpose: str, count: int, wanted: Callable[..., bool] = lambda *pair: True
) -> list[Pair]:
    """Some of the wanted pairs, in no order."""
    pairs = [pair for pair in all_pairs(case) if wanted(*pair)]
    return [pairs[i] for i in generator(case.name, purpose).permutation(len(pairs))[:count]]


@cache
def _questions(case: Case) -> list[Question]:
    return list(questions(case, generator(case.name, "questions")))


def asked_in(case: Case, form: Format) -> list[Question]:
    """The questions that a format can put; the same ones in every test."""
    return [question for question in _questions(case) if question.fits(form)]


def revealing(case: Case) -> list[Pair]:
    """What a way that was opened for other requests may get wrong: types, gaps, unseen values."""
    kinds = {"an unseen value", "a gap in a text", "all rows"}
    forms = {"csv", "v2", "v2-fp32", "v2-matrix-fp32", "json-records"}
    return [pair for pair in all_pairs(case) if pair[0].kind in kinds and pair[1].name in forms]


def is_prediction(question: Question, form: Format) -> bool:
    return question.encoded(form).route == PREDICT


def is_file(question: Question, form: Format) -> bool:
    return form.extension is not None


def cold_answer(folder: Folder, question: Question, form: Format) -> Answer:
    with cold(folder) as client:
        return ask(client, folder, question.encoded(form))


def in_company(folder: Folder, pairs: list[Pair]) -> list[Answer]:
    """What requests get that wait for the model together."""
    predictor = loaded(folder)
    answers = ModelAnswers(predictor)
    batcher = Batcher(predictor, answers.decode, answers.encode, error_response, 10_000)
    sent = [question.encoded(form) for question, form in pairs]
    requests = [PredictRequest(each.body, each.content_type) for each in sent]
    # As the service does: a model that is not known to bear it is asked one by one.
    together = [requests] if predictor.info.batchable else [[each] for each in requests]
    found = [answer for group in together for answer in batcher.answer(group)]
    return [
        Answer(each.status, Headers([("content-type", each.content_type)]), bytes(each.body))
        for each in found
    ]


def change(first: Answer, later: Answer) -> str | None:
    """How one answer differs from another, which it never may."""
    if first.status != later.status:
        return f"{first.status}, then {later.status}: {first.body[:200]!r}, {later.body[:200]!r}"
    if first.status != 200:
        return None
    one, other = columns_of(first), columns_of(later)
    if [*one] != [*other]:
        return f"columns {[*one]}, then {[*other]}"
    for name, values in one.items():
        if not same(other[name], values):
            row = int((np.asarray(values) == other[name]).argmin())
            return f"{name!r} of row {row} is {values[row]!r}, then {other[name][row]!r}"
    return None


def score_fault(folder: Folder, question: Question, form: Format, work: Path) -> str | None:
    expected = question.expected(form)
    try:
        written = score(folder, form, question.encoded(form), work)
    except DrumException as error:
        if expected is None or question.is_refused_sparse(form):
            return None
        return f"{type(error).__name__}: {str(error)[:300]}"
    if expected is None:
        return "predictions, where the model raises"
    return difference(question.case, csv_columns(written), expected)
