"""ONNX, Keras and PyTorch: numbers in float32, labels by name or by position."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from tests.differential.data import Rng, Table, mixed
from tests.differential.formats import is_text
from tests.differential.sklearn_models import GRADE_LABELS, GRADES, plain
from tests.differential.subjects import SINGLE, Fit, Save, Subject, classification, regression

# -- ONNX: the judge is the scikit-learn model that was converted


def positional(subject: Subject, *, in_order: bool) -> Subject:
    """The same model in a file that has no column names, and perhaps no labels."""
    given = () if in_order else subject.labels[::-1]
    return Subject(
        subject.table,
        subject.model,
        subject.judge,
        subject.target,
        subject.labels,
        given,
        named=False,
        tolerance=SINGLE,
    )


def onnx_linear(rng: Rng) -> Subject:
    return positional(regression(plain(rng), LinearRegression()), in_order=True)


def onnx_classes(classes: tuple[Any, ...], labels: tuple[str, ...], *, in_order: bool) -> Fit:
    def fit(rng: Rng) -> Subject:
        model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=300))
        found = classification(rng, plain(rng), model, classes, labels)
        return positional(found, in_order=in_order)

    return fit


def onnx_by_column(rng: Rng) -> Subject:
    """One input for each column: numbers of several types and texts."""
    table = mixed(rng, gaps=False)
    frame = table.frame.drop(columns=table.frame.columns[2])
    frame.isetitem(0, frame.iloc[:, 0].fillna(0.0))
    asked = table.asked.drop(columns=table.frame.columns[2])
    asked.isetitem(0, asked.iloc[:, 0].fillna(0.0))
    texts = [name for name in frame if is_text(frame[name])]
    figures = [name for name in frame if name not in texts]
    first = ColumnTransformer(
        [("texts", OneHotEncoder(handle_unknown="ignore"), texts), ("rest", "passthrough", figures)]
    )
    narrowed = Table(frame, table.score, asked, asked)
    return regression(narrowed, make_pipeline(first, LinearRegression()), tolerance=SINGLE)


def converted(**options: Any) -> Save:
    """A file with one matrix as its input."""

    def save(subject: Subject, folder: Path) -> None:
        from skl2onnx import to_onnx
        from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType

        kind = DoubleTensorType if options.get("double") else FloatTensorType
        kinds = [("input", kind([None, subject.table.frame.shape[1]]))]
        zipmap = options.get("zipmap")
        chosen = {} if zipmap is None else {id(_last(subject.model)): {"zipmap": zipmap}}
        proto = to_onnx(subject.model, initial_types=kinds, options=chosen)
        (folder / "model.onnx").write_bytes(proto.SerializeToString())

    return save


def _last(model: Any) -> Any:
    return model.steps[-1][1] if hasattr(model, "steps") else model


def converted_by_column(subject: Subject, folder: Path) -> None:
    from skl2onnx import to_onnx
    from skl2onnx.common.data_types import FloatTensorType, Int64TensorType, StringTensorType

    kinds = {"f": FloatTensorType, "i": Int64TensorType}
    frame = subject.table.frame
    types = [
        (name, kinds.get(frame[name].dtype.kind, StringTensorType)([None, 1])) for name in frame
    ]
    proto = to_onnx(subject.model, initial_types=types)
    (folder / "model.onnx").write_bytes(proto.SerializeToString())


ONNX: dict[str, Fit] = {
    "linear": onnx_linear,
    "grades": onnx_classes(GRADES, GRADE_LABELS, in_order=False),
    "grades by position": onnx_classes((0, 1, 2), ("0", "1", "2"), in_order=True),
    "binary": onnx_classes(("no", "yes"), ("No", "Yes"), in_order=True),
    "inverted binary": onnx_classes(("no", "yes"), ("No", "Yes"), in_order=False),
    "by column": onnx_by_column,
}
_ZIPPED: dict[str, Save] = {"zipmap": converted(), "columns": converted(zipmap="columns")}
ONNX_FORMS: dict[str, dict[str, Save]] = {
    "": _ZIPPED | {"tensor": converted(zipmap=False)},
    "linear": {"float": converted(), "double": converted(double=True)},
    "by column": {"onnx": converted_by_column},
}


# -- Keras


def _matrix(frame: pd.DataFrame) -> Any:
    return np.ascontiguousarray(frame, dtype=np.float32)


def keras() -> Any:
    os.environ.setdefault("KERAS_BACKEND", "torch")
    import keras

    return keras


def scaled_numbers(rng: Rng) -> Table:
    """Numbers that a network does not drown in."""
    table = plain(rng)
    frame = (table.frame - table.frame.mean()) / table.frame.std().replace(0, 1)
    frame = frame.astype(np.float32).astype(float)
    return Table(frame, table.score, frame, frame)


def keras_network(units: int, activation: str, target: str, labels: tuple[str, ...] = ()) -> Fit:
    def fit(rng: Rng) -> Subject:
        table, library = scaled_numbers(rng), keras()
        library.utils.set_random_seed(int(rng.integers(2**31)))
        first = library.Input((table.frame.shape[1],))
        hidden = library.layers.Dense(5, activation="tanh")(first)
        model = library.Model(first, library.layers.Dense(units, activation=activation)(hidden))

        def judge(frame: pd.DataFrame) -> Any:
            found = model.predict(_matrix(frame), verbose=0)
            return np.hstack([1 - found, found]) if target == "binary" else found

        return Subject(table, model, judge, target, labels, named=False, tolerance=SINGLE)

    return fit


def keras_two_inputs(rng: Rng) -> Subject:
    table, library = scaled_numbers(rng), keras()
    frame = table.frame.iloc[:, :2].set_axis(["size", "age"], axis="columns")
    library.utils.set_random_seed(int(rng.integers(2**31)))
    inputs = [library.Input((1,), name=name) for name in ("size", "age")]
    hidden = library.layers.Dense(5, activation="tanh")(library.layers.Concatenate()(inputs))
    model = library.Model(inputs, library.layers.Dense(1)(hidden))

    def judge(rows: pd.DataFrame) -> Any:
        return model.predict([_matrix(rows[["size"]]), _matrix(rows[["age"]])], verbose=0)

    return Subject(
        Table(frame, table.score, frame, frame), model, judge, "regression", tolerance=SINGLE
    )


def keras_saved(name: str) -> Save:
    return lambda subject, folder: subject.model.save(folder / name)


KERAS: dict[str, Fit] = {
    "regression": keras_network(1, "linear", "regression"),
    "binary": keras_network(1, "sigmoid", "binary", ("no", "yes")),
    "multiclass": keras_network(3, "softmax", "multiclass", ("z", "y", "x")),
    "multilabel": keras_network(3, "sigmoid", "multilabel", ("z", "y", "x")),
    "two inputs": keras_two_inputs,
}
KERAS_FORMS: dict[str, dict[str, Save]] = {
    "": {"keras": keras_saved("model.keras")},
    "binary": {"keras": keras_saved("model.keras"), "h5": keras_saved("model.h5")},
}


# -- PyTorch


def torch_network(
    make_last: Callable[[Any], list[Any]], target: str, labels: tuple[str, ...] = ()
) -> Fit:
    def fit(rng: Rng) -> Subject:
        import torch

        table = scaled_numbers(rng)
        torch.manual_seed(int(rng.integers(2**31)))
        width = table.frame.shape[1]
        layers = [torch.nn.Linear(width, 5), torch.nn.Tanh(), *make_last(torch.nn)]
        model = torch.nn.Sequential(*layers).eval()

        def judge(frame: pd.DataFrame) -> Any:
            with torch.inference_mode():
                found = model(torch.tensor(_matrix(frame))).numpy()
            return np.hstack([1 - found, found]) if target == "binary" else found

        return Subject(table, model, judge, target, labels, named=False, tolerance=SINGLE)

    return fit


def torch_whole(subject: Subject, folder: Path) -> None:
    import torch

    torch.save(subject.model, folder / "model.pth")


def torch_script(subject: Subject, folder: Path) -> None:
    import torch

    torch.jit.save(torch.jit.script(subject.model), folder / "model.pt")


TORCH: dict[str, Fit] = {
    "regression": torch_network(lambda nn: [nn.Linear(5, 1)], "regression"),
    "binary": torch_network(lambda nn: [nn.Linear(5, 1), nn.Sigmoid()], "binary", ("no", "yes")),
    "multiclass": torch_network(
        lambda nn: [nn.Linear(5, 3), nn.Softmax(1)], "multiclass", ("z", "y", "x")
    ),
    "multilabel": torch_network(
        lambda nn: [nn.Linear(5, 2), nn.Sigmoid()], "multilabel", ("z", "y")
    ),
}
TORCH_FORMS: dict[str, dict[str, Save]] = {"": {"pth": torch_whole, "pt": torch_script}}
