"""Merged requests get the answers that each would have got alone."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn.compose import make_column_transformer
from sklearn.ensemble import (
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, StandardScaler

from datarobot_drum.drum.enum import RunLanguage, TargetType
from datarobot_drum.drum.exceptions import ModelError
from datarobot_drum.drum.knobs.predicting import ServiceSettings
from datarobot_drum.drum.logs import request_id
from datarobot_drum.drum.model.artifacts.base import Merge
from datarobot_drum.drum.model.artifacts.sklearn import EstimatorModel
from datarobot_drum.drum.model.predictor import ModelInfo, Predictions, RowSource
from datarobot_drum.drum.prediction.lane import batching
from datarobot_drum.drum.prediction.lane.batching import Batcher
from datarobot_drum.drum.prediction.messages import PredictRequest, PredictResponse
from datarobot_drum.drum.prediction.operations import Operation
from datarobot_drum.drum.prediction.service import PredictionService

KINDS = ["plain", "fancy", "odd"]


def mixed_table(rows: int, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "size": rng.normal(3, 1, rows),
            "age": rng.normal(30, 9, rows),
            "kind": rng.choice(KINDS, rows),
        }
    )
    frame.loc[rng.random(rows) < 0.2, "age"] = np.nan
    return frame


def numbers(rows: int, seed: int = 0) -> pd.DataFrame:
    block = np.random.default_rng(seed).normal(size=(5, rows))
    return pd.DataFrame(block.T, columns=list("abcde"))


def columns_by_kind(*last: Any) -> Any:
    return make_pipeline(
        make_column_transformer(
            (make_pipeline(SimpleImputer(), StandardScaler()), ["size", "age"]),
            (OneHotEncoder(handle_unknown="ignore"), ["kind"]),
        ),
        *last,
    )


MODELS: list[tuple[str, Any, Callable[..., pd.DataFrame], bool]] = [
    ("linear", make_pipeline(StandardScaler(), LinearRegression()), numbers, False),
    ("logistic", make_pipeline(MinMaxScaler(), LogisticRegression()), numbers, True),
    ("boosted", GradientBoostingRegressor(n_estimators=15), numbers, False),
    ("boosted classes", GradientBoostingClassifier(n_estimators=8), numbers, True),
    ("histogram", HistGradientBoostingRegressor(max_iter=8), numbers, False),
    ("forest", RandomForestClassifier(n_estimators=8), numbers, True),
    ("mixed columns", columns_by_kind(LogisticRegression()), mixed_table, True),
    ("mixed columns, trees", columns_by_kind(RandomForestClassifier(8)), mixed_table, True),
]


def fit(estimator: Any, make: Callable[..., pd.DataFrame], classes: bool) -> EstimatorModel:
    frame = make(120, 5)
    target = frame.iloc[:, 0].to_numpy() * 2 + 1
    estimator.fit(
        frame, np.digitize(target, np.quantile(target, [0.3, 0.6])) if classes else target
    )
    return EstimatorModel(estimator, TargetType.MULTICLASS if classes else TargetType.REGRESSION)


@pytest.mark.parametrize(
    ("estimator", "make", "classes"), [case[1:] for case in MODELS], ids=[c[0] for c in MODELS]
)
@given(sizes=st.lists(st.integers(1, 9), min_size=2, max_size=9), seed=st.integers(0, 999))
@settings(max_examples=15, suppress_health_check=[HealthCheck.differing_executors])
def test_a_merged_call_gives_the_same_bits(
    estimator: Any, make: Callable[..., pd.DataFrame], classes: bool, sizes: list[int], seed: int
) -> None:
    model = fit(estimator, make, classes)
    assert model.merge is not Merge.NEVER
    frames = [make(rows, seed + position) for position, rows in enumerate(sizes)]
    alone = np.concatenate([model.predict(frame) for frame in frames])
    merged = model.predict_merged(pd.concat(frames, ignore_index=True), sizes)
    np.testing.assert_array_equal(merged, alone)
    if model.array_columns is not None:
        arrays = [frame.to_numpy().T for frame in frames]
        merged = model.predict_merged(np.concatenate(arrays, axis=1).T, sizes)
        np.testing.assert_array_equal(merged, alone)


class Echo:
    """Predicts the first column; refuses negative numbers. Remembers its calls."""

    array_columns = None

    def __init__(self) -> None:
        self.calls: list[int] = []
        self.info = ModelInfo("", TargetType.REGRESSION, RunLanguage.PYTHON, batchable=True)

    def predict(self, frame: Any, source: RowSource) -> Predictions:
        values = np.asarray(frame)[:, :1].astype(float)
        self.calls.append(len(values))
        if (values < 0).any():
            raise ModelError("a negative number")
        return Predictions(values, ("Predictions",))

    def close(self) -> None:
        pass


def answers(
    bodies: Sequence[pd.DataFrame | Exception], max_rows: int = 100
) -> tuple[list[Any], list[int]]:
    """What each of the requests gets, and the rows of each call of the model."""
    model = Echo()
    tables = iter(bodies)

    def decode(_request: PredictRequest) -> tuple[Any, RowSource]:
        table = next(tables)
        if isinstance(table, Exception):
            raise table
        return table, RowSource()

    def encode(_request: PredictRequest, predictions: Predictions) -> PredictResponse:
        return PredictResponse(200, repr(predictions.values[:, 0].tolist()).encode())

    def failed(error: BaseException) -> PredictResponse:
        return PredictResponse(500, str(error).encode())

    batcher = Batcher(model, decode, encode, failed, max_rows)  # type: ignore[arg-type]
    found = batcher.answer([PredictRequest() for _ in bodies])
    return [(answer.status, answer.body.decode()) for answer in found], model.calls  # type: ignore[union-attr]


def column(*values: Any, name: str = "x") -> pd.DataFrame:
    return pd.DataFrame({name: list(values)})


def test_waiting_requests_share_one_call_and_keep_their_order() -> None:
    found, calls = answers([column(1.0, 2.0), column(3.0), column(4.0, 5.0, 6.0)])
    assert found == [(200, "[1.0, 2.0]"), (200, "[3.0]"), (200, "[4.0, 5.0, 6.0]")]
    assert calls == [6]


def test_one_requests_bad_rows_fail_that_request_alone() -> None:
    found, calls = answers([column(1.0), column(-2.0), column(3.0)])
    assert found == [(200, "[1.0]"), (500, "a negative number"), (200, "[3.0]")]
    assert calls == [3, 1, 1, 1]


def test_a_body_that_cannot_be_read_leaves_the_others_together() -> None:
    found, calls = answers([column(1.0), ValueError("not a table"), column(3.0)])
    assert found == [(200, "[1.0]"), (500, "not a table"), (200, "[3.0]")]
    assert calls == [2]


@pytest.mark.parametrize(
    "other", [column(2), column(2.0, name="y"), column("2")], ids=["dtype", "name", "text"]
)
def test_only_equal_columns_and_dtypes_are_merged(other: pd.DataFrame) -> None:
    found, calls = answers([column(1.0), other, column(3.0)])
    assert [body for _status, body in found] == ["[1.0]", "[2.0]", "[3.0]"]
    assert sorted(calls) == [1, 2]


def test_rows_with_an_index_of_their_own_go_alone() -> None:
    named = column(2.0).set_index(pd.Index(["row"]))
    _found, calls = answers([column(1.0), named, column(3.0)])
    assert sorted(calls) == [1, 2]


@given(st.lists(st.integers(1, 20), min_size=1, max_size=8), st.integers(1, 30))
def test_no_merged_call_has_more_rows_than_allowed(sizes: list[int], most: int) -> None:
    columns = [column(*map(float, range(size))) for size in sizes]
    found, calls = answers(columns, max_rows=most)
    assert [len(json.loads(body)) for _status, body in found] == sizes
    assert sum(calls) == sum(sizes)
    # A request that is larger by itself goes alone.
    assert Counter(rows for rows in calls if rows > most) == Counter(
        size for size in sizes if size > most
    )


class Held(Echo):
    """Waits in its first call until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.entered, self.released = threading.Event(), threading.Event()

    def predict(self, frame: Any, source: RowSource) -> Predictions:
        if not self.calls:
            self.entered.set()
            self.released.wait(30)
        return super().predict(frame, source)


def served(model: Any, requests: int, **options: Any) -> list[bytes]:
    """The answers to one request that holds the model and to others that wait meanwhile."""
    service = PredictionService(model, ServiceSettings(**options))
    found: dict[int, bytes] = {}

    def ask(number: int) -> None:
        body = f"x\n{number}.5\n".encode()
        answer = service.answer(Operation.PREDICT, PredictRequest(body, "text/csv"))
        assert isinstance(answer.body, bytes)
        found[number] = answer.body

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(requests)]
    threads[0].start()
    model.entered.wait(30)
    for thread in threads[1:]:
        thread.start()
    while service._executor.waiting < requests - 1:
        threading.Event().wait(0.001)
    model.released.set()
    for thread in threads:
        thread.join(30)
    service.close()
    return [found[number] for number in range(requests)]


EXPECTED = [f'{{"predictions":[{number}.5]}}'.encode() for number in range(6)]


def test_a_busy_model_takes_all_that_wait_at_once() -> None:
    model = Held()
    assert served(model, 6) == EXPECTED
    assert model.calls == [1, 5]


@pytest.mark.parametrize(
    ("options", "calls"), [({"batching": False}, [1] * 6), ({"batch_requests": 3}, [1, 3, 2])]
)
def test_merging_is_limited_and_can_be_turned_off(
    options: dict[str, Any], calls: list[int]
) -> None:
    model = Held()
    assert served(model, 6, **options) == EXPECTED
    assert model.calls == calls


def test_hooks_are_never_given_merged_rows_unless_asked_for(tmp_path: Path) -> None:
    model = Held()
    model.info = ModelInfo("", TargetType.REGRESSION, RunLanguage.PYTHON, batchable=False)
    assert served(model, 6) == EXPECTED
    assert model.calls == [1] * 6
    forced = Held()
    forced.info = model.info
    assert served(forced, 6, batching=True) == EXPECTED
    assert forced.calls == [1, 5]


def test_great_tables_do_not_wait_for_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batching, "_MOST_CELLS", 3)
    bodies = [column(1.0), column(2.0, 3.0, 4.0), column(5.0), column(6.0, name="y")]
    found, calls = answers(bodies)
    assert [body for _status, body in found] == ["[1.0]", "[2.0, 3.0, 4.0]", "[5.0]", "[6.0]"]
    assert calls == [4, 1, 1]


def test_what_the_log_says_of_a_request_in_a_merged_call_has_that_requests_id() -> None:
    seen: list[tuple[str, str]] = []

    class Refusing:
        def predict(self, data: Any, source: RowSource) -> Predictions:
            seen.append(("predict", request_id.get()))
            raise ModelError("no")

    def failed(error: BaseException) -> PredictResponse:
        seen.append((str(error), request_id.get()))
        return PredictResponse(500, b"")

    def decode(request: PredictRequest) -> tuple[Any, RowSource]:
        if request.request_id == "bad":
            raise ModelError("unreadable")
        return numbers(1), RowSource()

    requests = [PredictRequest(b"", request_id=name) for name in ("one", "bad", "two")]
    predictor: Any = Refusing()
    Batcher(predictor, decode, lambda *_: PredictResponse(200, b""), failed, 10).answer(requests)

    assert seen == [
        ("unreadable", "bad"),
        ("predict", ""),
        ("predict", "one"),
        ("no", "one"),
        ("predict", "two"),
        ("no", "two"),
    ]
    assert request_id.get() == ""
