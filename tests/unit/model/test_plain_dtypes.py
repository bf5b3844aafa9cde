"""Nullable and Arrow-backed columns are to every framework what plain ones are."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from datarobot_drum.drum.model.columns import UNKNOWN, aligned
from datarobot_drum.drum.model.plain_dtypes import plain_dtypes
from datarobot_drum.drum.prediction.payload.arrow import read_parquet
from tests.unit.folders import load, predict, write_folder

TEXT = pd.Series(["text"]).dtype
NAN = float("nan")


@pytest.mark.parametrize(
    ("values", "dtype", "expected", "plain"),
    [
        ([1, 2], "Int64", [1, 2], "int64"),
        ([1, 2], "UInt8", [1, 2], "uint8"),
        ([1, None], "Int64", [1.0, NAN], "float64"),
        ([0.5, None], "Float64", [0.5, NAN], "float64"),
        ([0.5, None], "Float32", [0.5, NAN], "float32"),
        ([True, False], "boolean", [True, False], "bool"),
        ([True, None], "boolean", [1.0, NAN], "float64"),
        (["a", None], "string[python]", ["a", NAN], TEXT),
        (["a", None], "string[pyarrow]", ["a", NAN], TEXT),
        (["07", None], pd.ArrowDtype(pa.string()), ["07", NAN], TEXT),
        (["07", None], pd.ArrowDtype(pa.large_string()), ["07", NAN], TEXT),
        (["a", "b"], pd.ArrowDtype(pa.dictionary(pa.int8(), pa.string())), ["a", "b"], TEXT),
        ([1, 2], "int8[pyarrow]", [1, 2], "int8"),
        ([1, None], "int64[pyarrow]", [1.0, NAN], "float64"),
        ([0.5, None], "double[pyarrow]", [0.5, NAN], "float64"),
        ([True, False], "bool[pyarrow]", [True, False], "bool"),
        ([True, None], "bool[pyarrow]", [1.0, NAN], "float64"),
        ([None, None], pd.ArrowDtype(pa.null()), [NAN, NAN], "float64"),
        ([1, None], pd.ArrowDtype(pa.decimal128(5, 2)), [1.0, NAN], "float64"),
    ],
)
def test_each_dtype(values: list[Any], dtype: Any, expected: list[Any], plain: Any) -> None:
    frame = pd.DataFrame({"a": pd.Series(values, dtype=dtype, index=[5, 9]), "b": [1.0, 2.0]})
    before = frame.copy()
    result = plain_dtypes(frame)
    wanted = pd.DataFrame({"a": pd.Series(expected, dtype=plain, index=[5, 9]), "b": [1.0, 2.0]})
    pd.testing.assert_frame_equal(result, wanted)
    pd.testing.assert_frame_equal(frame, before)


def test_dates() -> None:
    stamps = pd.Series(pd.to_datetime(["2024-01-02 03:04", None]))
    zoned = stamps.dt.tz_localize("Europe/Berlin")
    for column in (stamps, zoned):
        unit = np.datetime_data(stamps.dtype)[0]
        tz = str(column.dt.tz) if column.dt.tz is not None else None
        arrow = column.astype(pd.ArrowDtype(pa.timestamp(unit, tz=tz)))
        result = plain_dtypes(arrow.to_frame("a"))["a"]
        pd.testing.assert_series_equal(result, column, check_names=False)
    spans = pd.Series(pd.to_timedelta([1, 2], unit="s"))
    arrow = spans.astype(pd.ArrowDtype(pa.duration(np.datetime_data(spans.dtype)[0])))
    result = plain_dtypes(arrow.to_frame("a"))["a"]
    pd.testing.assert_series_equal(result, spans, check_names=False)


def test_categories_keep_their_order_and_become_plain() -> None:
    column = pd.Series(pd.Categorical(["b", "a", None], categories=["b", "a"], ordered=True))
    nullable = column.cat.rename_categories(pd.array(["b", "a"], dtype="string[python]"))
    result = plain_dtypes(nullable.to_frame("a"))["a"]
    pd.testing.assert_series_equal(result, column, check_names=False)


def test_names_that_come_twice_are_columns_of_their_own() -> None:
    frame = pd.concat(
        [pd.Series([1, 2], dtype="Int64", name="a"), pd.Series([3, None], dtype="Int64", name="a")],
        axis="columns",
    )
    result = plain_dtypes(frame)
    assert list(result.columns) == ["a", "a"]
    assert [str(dtype) for dtype in result.dtypes] == ["int64", "float64"]


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame(),
        pd.DataFrame({"a": [1.0], "b": ["x"], "c": [True]}),
        pd.DataFrame({"a": pd.Categorical(["x"]), "b": pd.to_datetime(["2024-01-01"])}),
        pd.DataFrame({"a": pd.to_datetime(["2024-01-01"]).tz_localize("UTC")}),
        pd.DataFrame({"a": pd.arrays.SparseArray([0, 0, 1])}),
    ],
)
def test_a_plain_frame_is_returned_itself(frame: pd.DataFrame) -> None:
    assert plain_dtypes(frame) is frame
    assert not len(frame) or aligned(frame, UNKNOWN) is frame


# --- every framework ---------------------------------------------------------------------

PLAIN = pd.DataFrame(
    {
        "n": [1, 2, 3, 4, 5, 6] * 5,
        "f": [0.5, 1.5, -1.0, 2.0, 0.0, 3.0] * 5,
        "b": [True, False, True, True, False, False] * 5,
    }
)
TARGET = np.arange(30) * 0.5 + PLAIN["n"].to_numpy()


def nullable(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.convert_dtypes()


def arrow(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.convert_dtypes(dtype_backend="pyarrow")


def through_parquet(frame: pd.DataFrame) -> pd.DataFrame:
    """As a client sends it whose own frame is nullable: the file remembers that."""
    buffer = io.BytesIO()
    nullable(frame).to_parquet(buffer)
    return read_parquet(buffer.getvalue())


def xgboost_model() -> Any:
    return pytest.importorskip("xgboost").XGBRegressor(n_estimators=3)


def lightgbm_model() -> Any:
    return pytest.importorskip("lightgbm").LGBMRegressor(n_estimators=3, verbose=-1)


def catboost_model() -> Any:
    catboost = pytest.importorskip("catboost")
    return catboost.CatBoostRegressor(
        iterations=3, verbose=False, allow_writing_files=False, thread_count=1
    )


def sklearn_model() -> Any:
    return LinearRegression()


@pytest.mark.parametrize("dress", [nullable, arrow, through_parquet])
@pytest.mark.parametrize("make", [xgboost_model, lightgbm_model, catboost_model, sklearn_model])
def test_every_framework_takes_them(tmp_path: Path, make: Any, dress: Any) -> None:
    numbers = PLAIN.astype({"b": int}) if make is catboost_model else PLAIN
    model = make().fit(numbers, TARGET)
    write_folder(tmp_path, model_pkl=model)
    result = predict(load(tmp_path, "regression"), dress(numbers))
    np.testing.assert_array_equal(result.values[:, 0], model.predict(numbers))


@pytest.mark.parametrize("dress", [nullable, arrow, through_parquet])
@pytest.mark.parametrize("make", [xgboost_model, lightgbm_model])
def test_gaps_are_gaps(tmp_path: Path, make: Any, dress: Any) -> None:
    gaps = PLAIN.astype(float).mask(np.indices(PLAIN.shape).sum(axis=0) % 4 == 0)
    model = make().fit(gaps, TARGET)
    write_folder(tmp_path, model_pkl=model)
    dressed = dress(gaps.astype({"n": "Int64", "b": "Int64"}).astype({"b": "boolean"}))
    result = predict(load(tmp_path, "regression"), dressed)
    np.testing.assert_array_equal(result.values[:, 0], model.predict(gaps))


@pytest.mark.parametrize("dress", [nullable, arrow, through_parquet])
def test_torch_and_onnx_take_them(tmp_path: Path, dress: Any) -> None:
    torch = pytest.importorskip("torch")
    skl2onnx = pytest.importorskip("skl2onnx")
    from skl2onnx.common.data_types import FloatTensorType

    net = torch.nn.Linear(3, 1)
    (tmp_path / "torch").mkdir()
    (tmp_path / "onnx").mkdir()
    torch.save(net, tmp_path / "torch" / "model.pth")
    linear = LinearRegression().fit(PLAIN.to_numpy(dtype=np.float32), TARGET)
    graph = skl2onnx.convert_sklearn(linear, initial_types=[("x", FloatTensorType([None, 3]))])
    (tmp_path / "onnx" / "model.onnx").write_bytes(graph.SerializeToString())
    for name in ("torch", "onnx"):
        predictor = load(tmp_path / name, "regression")
        expected = predict(predictor, PLAIN.astype(float)).values
        np.testing.assert_array_equal(predict(predictor, dress(PLAIN)).values, expected)


@pytest.mark.parametrize("dress", [nullable, arrow, through_parquet])
def test_text_with_gaps_in_an_encoder(tmp_path: Path, dress: Any) -> None:
    rows = PLAIN.assign(t=["07", "x", None] * 10)
    encoder = make_column_transformer((OneHotEncoder(), ["t"]), remainder="passthrough")
    model = make_pipeline(encoder, LinearRegression()).fit(rows, TARGET)
    write_folder(tmp_path, model_pkl=model)
    result = predict(load(tmp_path, "regression"), dress(rows))
    np.testing.assert_array_equal(result.values[:, 0], model.predict(rows))


def test_what_a_transform_hook_returns(tmp_path: Path) -> None:
    model = xgboost_model().fit(PLAIN, TARGET)
    custom = "def transform(data, model):\n    return data.convert_dtypes()\n"
    write_folder(tmp_path, model_pkl=model)
    (tmp_path / "custom.py").write_text(custom)
    result = predict(load(tmp_path, "regression"), PLAIN)
    np.testing.assert_array_equal(result.values[:, 0], model.predict(PLAIN))
