"""A fitted model with its judge, and the folder that it is served from."""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tests.contract.folders import Folder
from tests.differential.data import Rng, Table
from tests.differential.seed import generator

Judge = Callable[[pd.DataFrame], Any]

# BLAS adds up in another order for another layout in memory; nothing else may differ.
BLAS = 1e-9
# float32 as the shortest text that reads back as float32.
SHORT = 1e-6
# Of arithmetic in float32 that the fitted object does in float64.
SINGLE = 2e-4


@dataclass(frozen=True)
class Subject:
    """A model in the process that trained it.

    Attributes:
        judge: a frame like the training frame -> predictions of shape (rows, columns).
        labels: of the judge's columns, as the server is to spell them; empty: one number.
        given: the labels as the command line has them, where their order is free.
        named: it remembers the names of its columns.
        tolerance: relative; 0: equal to the last bit.
        strict: it refuses values that it has not seen.
    """

    table: Table
    model: Any
    judge: Judge
    target: str
    labels: tuple[str, ...] = ()
    given: tuple[str, ...] = ()
    named: bool = True
    tolerance: float = 0.0
    strict: bool = False

    @property
    def args(self) -> tuple[str, ...]:
        words = ("--target-type", self.target)
        labels = self.given or self.labels
        if self.target == "binary":
            negative, positive = labels
            return (*words, "--positive-class-label", positive, "--negative-class-label", negative)
        return (*words, "--class-labels", *labels) if labels else words


Save = Callable[[Subject, Path], None]
Fit = Callable[[Rng], Subject]


@dataclass(frozen=True)
class Case:
    """A subject in one form of artifact."""

    name: str
    fit: Fit
    save: Save

    @property
    def subject(self) -> Subject:
        return _fitted(self.fit, self.name.rpartition(" ")[0])

    def folder(self, root: Path) -> Folder:
        """The folder, which is made when it is first asked for."""
        path = root / self.name.replace(" ", "-").replace(".", "-")
        if not path.exists():
            path.mkdir(parents=True)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                self.save(self.subject, path)
        return Folder(path.resolve(), self.subject.args)

    def judge(self, frame: pd.DataFrame) -> Any:
        """Predictions as float64 of shape (rows, columns); raises what the model raises."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            values = np.asarray(self.subject.judge(frame), dtype=np.float64)
        return values.reshape(len(frame), -1)


@cache
def _fitted(fit: Fit, name: str) -> Subject:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return fit(generator(name))


def cases(
    framework: str, subjects: dict[str, Fit], forms: dict[str, dict[str, Save]]
) -> list[Case]:
    """Each subject in each of its forms, which are found by the subject's name or ``""``."""
    return [
        Case(f"{framework} {name} {form}", fit, save)
        for name, fit in subjects.items()
        for form, save in forms.get(name, forms[""]).items()
    ]


# -- judges of estimators that look like scikit-learn's


def values_of(model: Any) -> Judge:
    return lambda frame: model.predict(frame)


def probabilities_of(model: Any) -> Judge:
    return lambda frame: model.predict_proba(frame)


def flags_of(model: Any) -> Judge:
    """The probability of each label; some models give a pair of columns for each."""

    def judge(frame: pd.DataFrame) -> Any:
        found = model.predict_proba(frame)
        if isinstance(found, list):
            return np.column_stack([pair[:, 1] for pair in found])
        return found

    return judge


def transformed_by(model: Any) -> Judge:
    def judge(frame: pd.DataFrame) -> Any:
        found = model.transform(frame)
        return found.toarray() if hasattr(found, "toarray") else np.asarray(found)

    return judge


def regression(table: Table, model: Any, **options: Any) -> Subject:
    model.fit(_as_fitted(table.frame, options), table.score)
    return Subject(table, model, values_of(model), "regression", **options)


def classification(
    rng: Rng,
    table: Table,
    model: Any,
    classes: Sequence[Any],
    labels: Sequence[str] = (),
    **options: Any,
) -> Subject:
    """Args:
    classes: the values to fit, from the lowest score to the highest.
    labels: how the server is to spell them, in the same order.
    """
    spelled = dict(zip(map(str, classes), labels or map(str, classes), strict=True))
    model.fit(_as_fitted(table.frame, options), table.classes(classes))
    columns = tuple(spelled[str(each)] for each in model.classes_)
    target = "binary" if len(classes) == 2 else "multiclass"
    given = tuple(rng.permutation(columns).tolist())
    return Subject(table, model, probabilities_of(model), target, columns, given, **options)


def multilabel(table: Table, model: Any, labels: Sequence[str], **options: Any) -> Subject:
    model.fit(_as_fitted(table.frame, options), table.flags(len(labels)))
    return Subject(table, model, flags_of(model), "multilabel", tuple(labels), **options)


def anomaly(table: Table, model: Any, **options: Any) -> Subject:
    model.fit(_as_fitted(table.frame, options))
    return Subject(table, model, values_of(model), "anomaly", **options)


def transform(table: Table, model: Any, **options: Any) -> Subject:
    model.fit(_as_fitted(table.frame, options), table.score)
    return Subject(table, model, transformed_by(model), "transform", **options)


def _as_fitted(frame: pd.DataFrame, options: dict[str, Any]) -> Any:
    return frame if options.get("named", True) else frame.to_numpy()


# -- forms


def pickled(subject: Subject, folder: Path) -> None:
    (folder / "model.pkl").write_bytes(pickle.dumps(subject.model))


def dumped(name: str, compress: int = 0) -> Save:
    def save(subject: Subject, folder: Path) -> None:
        import joblib

        joblib.dump(subject.model, folder / name, compress=compress)

    return save


PICKLE: dict[str, Save] = {"pkl": pickled}
DUMPS: dict[str, Save] = {
    "pkl": pickled,
    "joblib": dumped("model.joblib"),
    "joblib.pkl": dumped("model.pkl"),
    "compressed.pkl": dumped("model.pkl", compress=3),
}
