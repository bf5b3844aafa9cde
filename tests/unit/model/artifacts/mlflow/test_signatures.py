"""The model's signature: rows become what it says, or are refused by name."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from sklearn.linear_model import LinearRegression

from datarobot_drum.drum.exceptions import PayloadError
from datarobot_drum.drum.prediction.payload.structured import read_data
from tests.unit.folders import load, predict
from tests.unit.model.artifacts.mlflow.flavors import pytorch_exported
from tests.unit.model.artifacts.mlflow.saved import NAMES, by_mlflow, save, signature

pytest.importorskip("mlflow.pyfunc")
import mlflow.models
import mlflow.pyfunc


class Shown(mlflow.pyfunc.PythonModel):
    """Says what it was given."""

    def predict(self, context: Any, model_input: Any, params: Any = None) -> Any:
        kinds = [f"{name}:{dtype}" for name, dtype in model_input.dtypes.items()]
        return [" ".join(kinds).replace(":object", ":str")] * len(model_input)


def signed(folder: Path, python_model: Any, specs: list[dict[str, Any]]) -> Path:
    inputs = mlflow.models.ModelSignature.from_dict({"inputs": json.dumps(specs), "outputs": None})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mlflow.pyfunc.save_model(
            str(folder), python_model=python_model, pip_requirements=[], signature=inputs
        )
    return folder


class Hinted(mlflow.pyfunc.PythonModel):
    def predict(self, model_input: list[float]) -> list[float]:
        return [2 * value for value in model_input]


def test_a_signature_from_type_hints_is_the_models_own_business(tmp_path: Path) -> None:
    folder = tmp_path / "saved"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mlflow.pyfunc.save_model(str(folder), python_model=Hinted(), pip_requirements=[])
    predictor = load(folder, "regression")
    assert predict(predictor, pd.DataFrame({"any": [1.5, 2.0]})).values[:, 0].tolist() == [3, 4]


SPECS: list[dict[str, Any]] = [
    {"name": "whole", "type": "integer", "required": True},
    {"name": "big", "type": "long", "required": True},
    {"name": "single", "type": "float", "required": True},
    {"name": "number", "type": "double", "required": True},
    {"name": "text", "type": "string", "required": True},
    {"name": "flag", "type": "boolean", "required": True},
    {"name": "day", "type": "datetime", "required": True},
    {"name": "maybe", "type": "double", "required": False},
]
BODY = b"extra,day,flag,text,number,single,big,whole\n9,2024-05-01,True,x,2,0.1,3,4\n"
KINDS = "whole:int32 big:int64 single:float32 number:float64 text:str flag:bool day:datetime64[ns]"


def ask(predictor: Any, body: bytes, mimetype: str = "text/csv") -> Any:
    frame, source = read_data(body, mimetype, None, predictor)
    return predictor.predict(frame, source).values[:, 0].tolist()


@pytest.fixture
def shown(tmp_path: Path) -> Any:
    folder = signed(tmp_path / "saved", Shown(), SPECS)
    return load(folder, "textgeneration", target_name="text")


def test_rows_become_what_the_signature_says(shown: Any) -> None:
    """Columns by name, extra ones dropped, optional ones left out, types without a change."""
    [kinds] = ask(shown, BODY)
    assert kinds == KINDS
    assert shown.info.feature_names == tuple(spec["name"] for spec in SPECS)
    assert shown.info.text_columns == {"text"}


def test_json_rows_become_the_same(shown: Any) -> None:
    row = {"whole": 4, "big": 3, "single": 0.1, "number": 2, "text": "x", "flag": True}
    body = json.dumps([row | {"day": "2024-05-01T00:00:00"}]).encode()
    [kinds] = ask(shown, body, "application/json")
    assert kinds == KINDS


def test_a_gap_alone_is_a_missing_number(shown: Any) -> None:
    body = BODY.replace(b",2,0.1,", b",,,")
    assert ask(shown, body) == [KINDS]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (b"3,4", b"3,4.5", "column 'whole' has values of type float64, which cannot become int32"),
        (b"3,4", b"3,4000000000", "column 'whole' has values of type int64"),
        (b"3,4", b"3,", "column 'whole' has values of type float64, which cannot become int32"),
        (b"x,2,", b"x,secret7,", "column 'number' has values of type"),
        (b"2024-05-01", b"secret7", "column 'day' has values of type"),
        (b"0.1", b"1e300", "column 'single' has values of type float64"),
    ],
)
def test_rows_that_do_not_fit_are_the_clients_mistake(
    shown: Any, before: bytes, after: bytes, expected: str
) -> None:
    with pytest.raises(PayloadError) as error:
        ask(shown, BODY.replace(before, after))
    text = str(error.value)
    assert text.startswith("The rows do not fit the signature of the model: ")
    assert expected in text
    assert "secret7" not in text


@pytest.fixture
def whole(tmp_path: Path) -> Any:
    """A flavour that is loaded without MLflow."""
    rows = pd.DataFrame({"big": [1, 2, 3, 4], "whole": [4, 3, 3, 1], "flag": [True, False] * 2})
    model = LinearRegression().fit(rows, rows["big"])
    kinds = {"big": "long", "whole": "integer", "flag": "boolean"}
    specs = [{"name": name, "type": kind, "required": True} for name, kind in kinds.items()]
    folder = save("sklearn", model, tmp_path / "saved", signature=signature(rows, rows["big"]))
    text = (folder / "MLmodel").read_text()
    content = yaml.safe_load(text)
    content["signature"]["inputs"] = json.dumps(specs)
    (folder / "MLmodel").write_text(yaml.safe_dump(content))
    return load(folder, "regression")


@pytest.mark.parametrize("big", ["7", "7.0", "700000000000"])
def test_whole_numbers_are_taken_as_they_are_written(whole: Any, big: str) -> None:
    assert ask(whole, f"big,whole,flag\n{big},1,True\n".encode()) == pytest.approx([float(big)])


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ("1,1,True\n1.5,1,True", "'big' holds 1.5 in row 2, but .* whole numbers of 64 bits"),
        ("1,1,True\n,1,True", "'big' has no value in row 2, but .* whole numbers of 64 bits"),
        ("1,3000000000,True", "'whole' holds 3000000000 in row 1, but .* of 32 bits"),
        ("1,1,1", "'flag' holds 1 in row 1, but .* true or false"),
        ("1,1,yes", "'flag' holds 'yes' in row 1, but .* true or false"),
        ("1,1,True\n1,1,", "'flag' has no value in row 2, but .* true or false"),
    ],
)
def test_a_flavour_takes_of_whole_numbers_and_booleans_what_mlflow_takes(
    whole: Any, rows: str, expected: str
) -> None:
    with pytest.raises(PayloadError, match=expected):
        ask(whole, f"big,whole,flag\n{rows}\n".encode())


def test_a_missing_column_is_named_with_its_nearest(shown: Any) -> None:
    with pytest.raises(PayloadError, match="'number' of the model is missing.*by 'numbr'"):
        ask(shown, BODY.replace(b"number", b"numbr"))


@pytest.mark.parametrize("kind", ["sklearn", "lightgbm", "xgboost", "catboost"])
def test_a_model_without_names_has_those_of_the_signature(
    tmp_path: Path, rows: pd.DataFrame, target: pd.Series[float], kind: str
) -> None:
    """Fitted on arrays: the model itself would take any columns by position."""
    values = rows.to_numpy()
    model: Any = LinearRegression().fit(values, target)
    if kind == "lightgbm":
        lightgbm = pytest.importorskip("lightgbm")
        model = lightgbm.train({"verbose": -1}, lightgbm.Dataset(values, target), 9)
    elif kind == "xgboost":
        xgboost = pytest.importorskip("xgboost")
        model = xgboost.train({}, xgboost.DMatrix(values, target), 9)
    elif kind == "catboost":
        catboost = pytest.importorskip("catboost")
        model = catboost.CatBoostRegressor(iterations=9, verbose=False, allow_writing_files=False)
        model.fit(values, target)
    folder = save(kind, model, tmp_path / "saved", signature=signature(rows, target))
    predictor = load(folder, "regression")
    expected = predict(load_unsigned(folder, tmp_path / "unsigned"), values_frame(rows)).values
    shuffled = rows.assign(other=1.0)[["other", "c", "b", "a"]]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "X has feature names")
        np.testing.assert_array_equal(predict(predictor, shuffled).values, expected)
    assert predictor.info.feature_names == tuple(NAMES)
    with pytest.raises(PayloadError, match="'a' of the model is missing"):
        predict(predictor, rows.rename(columns={"a": "z"}))


def test_a_signature_of_a_table_counts_its_columns(
    tmp_path: Path, rows: pd.DataFrame, target: pd.Series[float]
) -> None:
    pytorch_exported(tmp_path / "saved", rows, target)
    predictor = load(tmp_path / "saved", "regression")
    with pytest.raises(PayloadError, match="The model takes 3 columns, but the rows have 2"):
        predict(predictor, rows[["a", "b"]])


def values_frame(rows: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(rows.to_numpy())


def load_unsigned(folder: Path, copy: Path) -> Any:
    """The same folder without its signature, which then goes by position."""
    content = yaml.safe_load((folder / "MLmodel").read_text())
    del content["signature"]
    copy.mkdir()
    for path in folder.iterdir():
        (copy / path.name).write_bytes(path.read_bytes())
    (copy / "MLmodel").write_text(yaml.safe_dump(content))
    return load(copy, "regression")


def test_extra_columns_are_dropped_as_mlflow_drops_them(
    tmp_path: Path, rows: pd.DataFrame, target: pd.Series[float]
) -> None:
    model = LinearRegression().fit(rows, target)
    folder = save("sklearn", model, tmp_path / "saved", signature=signature(rows, target))
    result = predict(load(folder, "regression"), rows.assign(other="x"))
    np.testing.assert_array_equal(result.values, by_mlflow(folder, rows.assign(other="x")))
