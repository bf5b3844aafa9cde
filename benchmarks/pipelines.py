"""The kinds of pipeline that people write, with rows as people have them: texts and gaps.

Run as a program: `pipelines.py prepare FOLDER KIND ROWS…` makes files of so many rows, model
folders for them, and the script that a user would write in place of `drum score`; everything is
seeded. `pipelines.py compare OURS THEIRS` tells whether two results are the same.
"""

from __future__ import annotations

import json
import pickle
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

TRAINED_ON = 5_000
# More rows are these again: too many for a CPU to learn.
DIFFERENT = 100_000
# A file has no more numbers, so that it can be made in reasonable time: wide tables get narrower.
MOST_NUMBERS = 8_000_000
TEXTS = {
    "city": [f"city {letter}" for letter in "ABCDEFGHIJKLMNOPQRST"],
    "product": ["basic", "plus", "pro", "none of these, yet"],
    "grade": ["low", "medium", "high"],
}
SCRIPT = """
import pickle
import sys

import pandas as pd

with open(sys.argv[1], "rb") as file:
    model = pickle.load(file)
frame = pd.read_csv(sys.argv[2])
{predict}
result.to_csv(sys.argv[3], index=False)
"""
PREDICT = {
    "predict": 'result = pd.DataFrame({"Predictions": model.predict(frame)})',
    "predict_proba": ("result = pd.DataFrame(model.predict_proba(frame), columns=model.classes_)"),
}


@dataclass(frozen=True)
class Kind:
    """A pipeline and its rows.

    Attributes:
        build: makes the pipeline from the names of its numbers and of its texts.
        numbers: columns of numbers, where the rows are not too many for them.
        gaps: the share of missing cells.
        options: of `drum`.
    """

    name: str
    title: str
    build: Callable[[list[str], list[str]], Any]
    numbers: int
    texts: tuple[str, ...] = ()
    gaps: float = 0.0
    classes: tuple[str, ...] = ()
    options: tuple[str, ...] = ("--target-type", "regression")

    @property
    def method(self) -> str:
        return "predict_proba" if self.classes else "predict"

    def width(self, rows: int) -> int:
        return min(self.numbers, MOST_NUMBERS // rows)

    def table(self, rows: int, width: int, seed: int) -> pd.DataFrame:
        random = np.random.default_rng(seed)
        values = random.normal(size=(rows, width))
        frame = pd.DataFrame(values, columns=[f"number {i}" for i in range(width)])
        for name in self.texts:
            frame[name] = random.choice(TEXTS[name], rows)
        return frame.mask(random.random(frame.shape) < self.gaps) if self.gaps else frame

    def train(self, width: int) -> Any:
        frame = self.table(TRAINED_ON, width, seed=0)
        pipeline = self.build([*frame.columns[:width]], [*self.texts])
        target = frame.iloc[:, :3].fillna(0).sum(axis=1) + (frame.iloc[:, -1].astype(str) > "m")
        if not self.classes:
            return pipeline.fit(frame, target)
        places = pd.qcut(target, len(self.classes), labels=False)
        return pipeline.fit(frame, np.array(self.classes)[places])


def _linear(_numbers: list[str], _texts: list[str]) -> Any:
    from sklearn.linear_model import LinearRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(StandardScaler(), LinearRegression())


def _boosted(_numbers: list[str], _texts: list[str]) -> Any:
    from sklearn.ensemble import GradientBoostingRegressor

    return GradientBoostingRegressor(n_estimators=50, random_state=0)


def _wide(_numbers: list[str], _texts: list[str]) -> Any:
    from sklearn.linear_model import Ridge
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(StandardScaler(), Ridge())


def _by_dtype(numbers: Any, texts: Any) -> Any:
    from sklearn.compose import ColumnTransformer, make_column_selector

    return ColumnTransformer(
        [
            ("numbers", numbers, make_column_selector(dtype_include="number")),
            ("texts", texts, make_column_selector(dtype_exclude="number")),
        ]
    )


def _one_hot(numbers: list[str], texts: list[str]) -> Any:
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    columns = ColumnTransformer(
        [
            ("numbers", make_pipeline(SimpleImputer(), StandardScaler()), numbers),
            ("texts", OneHotEncoder(handle_unknown="ignore"), texts),
        ]
    )
    return make_pipeline(columns, LogisticRegression(max_iter=500))


def _ordinal(_numbers: list[str], _texts: list[str]) -> Any:
    from sklearn.ensemble import HistGradientBoostingRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OrdinalEncoder

    encoder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    return make_pipeline(
        _by_dtype("passthrough", encoder), HistGradientBoostingRegressor(random_state=0)
    )


def _forest(_numbers: list[str], _texts: list[str]) -> Any:
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder

    forest = RandomForestClassifier(n_estimators=30, max_depth=8, random_state=0)
    texts = make_pipeline(
        SimpleImputer(strategy="most_frequent"), OneHotEncoder(handle_unknown="ignore")
    )
    return make_pipeline(_by_dtype(SimpleImputer(strategy="median"), texts), forest)


CLASSES = ("copper", "gold", "lead", "silver")
KINDS = {
    kind.name: kind
    for kind in (
        Kind("linear", "scaler, linear regression", _linear, 10),
        Kind("boosted", "gradient boosting, 50 trees", _boosted, 10),
        Kind("wide", "scaler, ridge, 200 columns", _wide, 200),
        Kind(
            "one-hot",
            "gaps filled, texts one-hot, logistic regression",
            _one_hot,
            6,
            ("product", "grade"),
            0.05,
            ("no", "yes"),
            (
                *("--target-type", "binary"),
                *("--positive-class-label", "yes", "--negative-class-label", "no"),
            ),
        ),
        Kind(
            "ordinal",
            "texts as numbers, histogram gradient boosting",
            _ordinal,
            6,
            ("city", "product"),
            0.05,
        ),
        Kind(
            "forest",
            "gaps filled, texts one-hot, random forest, 4 classes",
            _forest,
            6,
            ("city", "grade"),
            0.05,
            CLASSES,
            ("--target-type", "multiclass", "--class-labels", *CLASSES),
        ),
    )
}


def write_rows(kind: Kind, rows: int, width: int, path: Path) -> None:
    block = kind.table(min(rows, DIFFERENT), width, seed=rows)
    header, _, lines = block.to_csv(index=False).encode().partition(b"\n")
    with path.open("wb") as file:
        file.write(header + b"\n")
        for _ in range(max(1, rows // DIFFERENT)):
            file.write(lines)


def prepare(folder: Path, name: str, sizes: Sequence[int]) -> None:
    """For each number of rows `ROWS.csv`, and `model-ROWS`, the folder of a model for it."""
    kind = KINDS[name]
    for rows in sizes:
        width = kind.width(rows)
        home = folder / f"model-{rows}"
        home.mkdir(parents=True)
        (home / "model.pkl").write_bytes(pickle.dumps(kind.train(width)))
        write_rows(kind, rows, width, folder / f"{rows}.csv")
    (folder / "options.json").write_text(json.dumps(kind.options))
    (folder / "script.py").write_text(SCRIPT.format(predict=PREDICT[kind.method]))


def compare(ours: Path, theirs: Path) -> str:
    """What is different between two results; empty: nothing."""
    one, other = pd.read_csv(ours), pd.read_csv(theirs)
    if sorted(one.columns) != sorted(other.columns) or len(one) != len(other):
        return f"{one.shape} {[*one]} against {other.shape} {[*other]}"
    different = (one[other.columns] != other).any(axis=1)
    if not different.any():
        return ""
    return f"{different.sum()} of {len(one)} rows, the first is number {different.argmax()}"


def main(words: list[str]) -> int:
    command, *others = words
    if command == "compare":
        difference = compare(Path(others[0]), Path(others[1]))
        print(difference)
        return int(difference != "")
    prepare(Path(others[0]), others[1], list(map(int, others[2:])))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
