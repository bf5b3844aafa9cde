"""Large sparse rows: few at a time for the models that make all cells of them."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import coo_matrix, csr_matrix
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestRegressor, VotingRegressor
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, MaxAbsScaler

from datarobot_drum.drum.enum import TargetType
from datarobot_drum.drum.exceptions import ColumnsError
from datarobot_drum.drum.model.artifacts import sparse_rows
from datarobot_drum.drum.model.artifacts.registry import adapted
from datarobot_drum.drum.model.artifacts.sparse_rows import makes_dense
from datarobot_drum.drum.model.outputs import OutputRules
from datarobot_drum.drum.model.pipeline import ArtifactScorer
from datarobot_drum.drum.model.predictor import Dense, RowSource
from tests.unit.folders import load
from tests.unit.model.artifacts.boosters.fitted import native, regressor, save

# XGBoost says so of those that it is given whole.
pytestmark = pytest.mark.filterwarnings("ignore:Sparse arrays from pandas")

COLUMNS = 30
BOOSTERS = ("lightgbm", "xgboost")


def sparse_frame(matrix: Any, names: list[str] | None = None) -> pd.DataFrame:
    sparse: Any = pd.DataFrame.sparse
    frame: pd.DataFrame = sparse.from_spmatrix(matrix, columns=names)
    return frame


def matrix(rows: int, dtype: Any = float) -> Any:
    """A tenth of the cells are not zero."""
    random = np.random.default_rng(11)
    values = (random.normal(size=(rows, COLUMNS)) * 9).astype(dtype)
    return csr_matrix(values * (random.random((rows, COLUMNS)) < 0.1))


def fitted(model: Any, names: list[str] | None = None) -> Any:
    rows = matrix(200)
    target = rows.toarray() @ np.arange(COLUMNS)
    given = rows.toarray() if names is None else pd.DataFrame(rows.toarray(), columns=names)
    return model.fit(given, target)


def scorer(model: Any) -> ArtifactScorer:
    found = adapted(model, TargetType.REGRESSION, None)
    assert found is not None
    return ArtifactScorer(found[0], OutputRules(TargetType.REGRESSION, None, None))


def search(kind: str) -> Any:
    return GridSearchCV(regressor(kind), {"learning_rate": [0.1, 0.2]}, cv=2)


MODELS: dict[str, Callable[[str], Any]] = {
    "booster": lambda kind: native(kind, fitted(regressor(kind))),
    "booster with names": lambda kind: native(
        kind, fitted(regressor(kind), [f"x{i}" for i in range(COLUMNS)])
    ),
    "estimator": lambda kind: fitted(regressor(kind)),
    "search": lambda kind: fitted(search(kind)),
    "vote": lambda kind: fitted(VotingRegressor([("a", regressor(kind)), ("b", search(kind))])),
    "one step": lambda kind: fitted(make_pipeline(regressor(kind))),
}


@pytest.mark.parametrize("dtype", [float, int])
@pytest.mark.parametrize("made", MODELS.values(), ids=MODELS)
@pytest.mark.parametrize("kind", BOOSTERS)
def test_pieces_give_the_same_bits(
    monkeypatch: pytest.MonkeyPatch, kind: str, made: Callable[[str], Any], dtype: Any
) -> None:
    model = scorer(made(kind))
    assert model.dense is Dense.IN_PIECES
    rows = sparse_frame(matrix(157, dtype), list(model.columns.names or ()) or None)
    whole = model.score(rows, RowSource()).values
    monkeypatch.setattr(sparse_rows, "PIECE", COLUMNS * 10)
    seen = list(sparse_rows.dense_pieces(rows) or ())
    assert [len(piece) for piece in seen] == [10] * 15 + [7]
    pd.testing.assert_frame_equal(pd.concat(seen), rows.sparse.to_dense())
    assert model.score(rows, RowSource()).values.tobytes() == whole.tobytes()


@pytest.mark.parametrize("kind", BOOSTERS)
@pytest.mark.parametrize("form", ["booster", "estimator"])
def test_one_entry_does_not_become_all_cells(kind: str, form: str) -> None:
    model = scorer(MODELS[form](kind))
    rows = sparse_frame(coo_matrix(([1.5], ([0], [3])), shape=(1_000_000, COLUMNS)))
    model.score(rows.iloc[:2], RowSource())  # imports
    tracemalloc.start()
    assert len(model.score(rows, RowSource()).values) == 1_000_000
    _now, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < rows.size * 8 * 0.75


def test_rows_that_do_not_fit_are_told_as_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    model = scorer(fitted(regressor("lightgbm"), [f"x{i}" for i in range(COLUMNS)]))
    rows = sparse_frame(matrix(20), [f"y{i}" for i in range(COLUMNS)])
    with pytest.raises(ColumnsError) as whole:
        model.score(rows, RowSource())
    monkeypatch.setattr(sparse_rows, "PIECE", COLUMNS)
    with pytest.raises(ColumnsError) as pieces:
        model.score(rows, RowSource())
    assert str(pieces.value) == str(whole.value)


@pytest.mark.parametrize(
    "rows",
    [
        pd.DataFrame(np.zeros((20, COLUMNS))),
        sparse_frame(matrix(20)).assign(a=1.0),
        pd.DataFrame(np.zeros((20, COLUMNS))).astype(pd.SparseDtype(float, np.nan)),
        np.zeros((20, COLUMNS)),
    ],
    ids=["dense", "partly", "without zeros", "array"],
)
def test_other_rows_stay_as_they_are(monkeypatch: pytest.MonkeyPatch, rows: Any) -> None:
    monkeypatch.setattr(sparse_rows, "PIECE", COLUMNS)
    assert sparse_rows.dense_pieces(rows) is None


def test_few_rows_stay_as_they_are() -> None:
    assert sparse_rows.dense_pieces(sparse_frame(matrix(20))) is None


def scaled(*, keeps_others: bool) -> Any:
    scaler = (MaxAbsScaler(), [0, 1])
    return make_column_transformer(scaler, remainder="passthrough" if keeps_others else "drop")


KINDS: dict[str, tuple[Callable[[], Any], Dense]] = {
    "linear": (LinearRegression, Dense.NEVER),
    "forest": (lambda: RandomForestRegressor(2), Dense.NEVER),
    "scaled": (lambda: make_pipeline(MaxAbsScaler(), regressor("lightgbm")), Dense.NEVER),
    "handed on": (
        lambda: make_pipeline(FunctionTransformer(), regressor("lightgbm")),
        Dense.AT_ONCE,
    ),
    "joined": (
        lambda: make_pipeline(scaled(keeps_others=True), LinearRegression()),
        Dense.AT_ONCE,
    ),
    "company": (
        lambda: VotingRegressor([("a", regressor("xgboost")), ("b", LinearRegression())]),
        Dense.AT_ONCE,
    ),
}


@pytest.mark.parametrize(("make", "kind"), KINDS.values(), ids=KINDS)
def test_what_a_model_makes_of_sparse_rows(make: Callable[[], Any], kind: Dense) -> None:
    assert makes_dense(fitted(make())) is kind


TRANSFORM = "def transform(data, model):\n    return data\n"


@pytest.mark.parametrize(("hooks", "kind"), [("", Dense.IN_PIECES), (TRANSFORM, Dense.NEVER)])
def test_the_service_is_told(tmp_path: Path, hooks: str, kind: Dense) -> None:
    (tmp_path / "custom.py").write_text(hooks)
    save(fitted(regressor("lightgbm")), tmp_path, "pkl")
    assert load(tmp_path, "regression").info.dense is kind


def test_networks_make_all_cells_at_once() -> None:
    torch = pytest.importorskip("torch")
    assert scorer(torch.nn.Linear(COLUMNS, 1)).dense is Dense.AT_ONCE


def test_a_class_of_the_users_may_compare_rows() -> None:
    lightgbm = pytest.importorskip("lightgbm")

    class Own(lightgbm.LGBMRegressor):  # type: ignore[misc]
        pass

    assert makes_dense(Own()) is Dense.AT_ONCE
