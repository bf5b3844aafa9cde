"""The tests that every framework's file runs over its own cases."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import pytest

from datarobot_drum.drum.exceptions import DrumException
from datarobot_drum.drum.prediction.answers import ModelAnswers
from datarobot_drum.drum.prediction.batching import Batcher
from datarobot_drum.drum.prediction.errors import error_response
from datarobot_drum.drum.prediction.messages import PredictRequest
from tests.contract.clients import Answer, Calls, Headers
from tests.contract.folders import Folder
from tests.contract.fronts import in_process_fastapi, in_process_flask
from tests.differential.askers import ask, cold, columns_of, csv_columns, loaded, score
from tests.differential.formats import FORMATS, PREDICT, Format
from tests.differential.questions import (
    Question,
    compare,
    describe,
    judge,
    questions,
    same,
)
from tests.differential.seed import generator
from tests.differential.subjects import Case

APPLICATIONS = {"flask": in_process_flask, "fastapi": in_process_fastapi}
FILE_FORMATS = [form for form in FORMATS if form.extension]


# What a library warns of is no answer, and no error either.
@pytest.mark.filterwarnings("ignore")
class Differential:
    """Inherit with the framework's ``CASES``."""

    CASES: ClassVar[list[Case]] = []

    @pytest.fixture
    def folder(self, case: Case, folders_root: Path) -> Folder:
        return case.folder(folders_root)

    @pytest.mark.parametrize("form", FORMATS, ids=lambda form: form.name)
    def test_every_format(self, case: Case, folder: Folder, form: Format) -> None:
        asked = asked_in(case, form)
        with cold(folder) as client:
            for question in asked:
                judge(question, form, ask(client, folder, question.encoded(form)))

    def test_what_came_before_changes_nothing(self, case: Case, folder: Folder) -> None:
        rng = generator(case.name, "order")
        pairs = [(question, form) for form in FORMATS for question in asked_in(case, form)]
        chosen = [pairs[i] for i in rng.permutation(len(pairs))[:12]]
        alone = [cold_answer(folder, *pair) for pair in chosen]
        with cold(folder) as client:
            for question, form in pairs:
                ask(client, folder, question.encoded(form))
            for (question, form), first in zip(chosen, alone, strict=True):
                later = ask(client, folder, question.encoded(form))
                assert_same(first, later, f"warm, {describe(question, form)}")

    def test_company_changes_nothing(self, case: Case, folder: Folder) -> None:
        pairs = [
            (question, form)
            for form in FORMATS
            for question in asked_in(case, form)
            if question.encoded(form).route == PREDICT
        ]
        rng = generator(case.name, "company")
        chosen = [pairs[i] for i in rng.permutation(len(pairs))[:40]]
        if case.subject.target == "transform":
            return
        with cold(folder) as client:
            alone = [ask(client, folder, question.encoded(form)) for question, form in chosen]
        for (question, form), single, merged in zip(
            chosen, alone, in_company(folder, chosen), strict=True
        ):
            assert_same(single, merged, f"merged, {describe(question, form)}")

    @pytest.mark.parametrize("application", APPLICATIONS)
    def test_each_application(self, case: Case, folder: Folder, application: str) -> None:
        rng = generator(case.name, application)
        forms = [FORMATS[i] for i in rng.permutation(len(FORMATS))[:6]]
        with APPLICATIONS[application](folder) as client:
            for form in forms:
                for question in asked_in(case, form):
                    judge(question, form, ask(client, folder, question.encoded(form)))

    @pytest.mark.parametrize("form", FILE_FORMATS, ids=lambda form: form.name)
    def test_score(self, case: Case, folder: Folder, form: Format, tmp_path: Path) -> None:
        for question in asked_in(case, form):
            where = f"score, {describe(question, form)}"
            try:
                expected = question.expected(form)
            except Exception:
                with pytest.raises(DrumException):
                    score(folder, form, question.encoded(form), tmp_path)
                continue
            found = csv_columns(score(folder, form, question.encoded(form), tmp_path))
            compare(case, found, expected, where)


def asked_in(case: Case, form: Format) -> list[Question]:
    """The questions that a format can put; the same ones in every test."""
    return [each for each in questions(case, generator(case.name, "questions")) if each.fits(form)]


def cold_answer(folder: Folder, question: Question, form: Format) -> Answer:
    with cold(folder) as client:
        return ask(client, folder, question.encoded(form))


def in_company(folder: Folder, pairs: list[tuple[Question, Format]]) -> list[Answer]:
    """What requests get that wait for the model together."""
    predictor = loaded(folder)
    answers = ModelAnswers(predictor)
    batcher = Batcher(predictor, answers.decode, answers.encode, error_response, 10_000)
    requests = []
    for question, form in pairs:
        sent = question.encoded(form)
        requests.append(PredictRequest(sent.body, sent.content_type))
    # As the service does: a model that is not known to bear it is asked one by one.
    together = [requests] if predictor.info.batchable else [[each] for each in requests]
    found = [answer for group in together for answer in batcher.answer(group)]
    return [
        Answer(each.status, Headers([("content-type", each.content_type)]), bytes(each.body))
        for each in found
    ]


def assert_same(first: Answer, later: Answer, where: str) -> None:
    assert later.status == first.status, f"{where}: {first.status}, then {later.status}"
    if first.status != 200:
        return
    one, other = columns_of(first), columns_of(later)
    assert [*one] == [*other], where
    for name, values in one.items():
        assert same(other[name], values), f"{where}: {values}, then {other[name]}"


@contextmanager
def nothing() -> Iterator[Any]:
    yield
