"""Folders that MLflow saves: what they predict is what ``mlflow.pyfunc`` predicts from them."""

from __future__ import annotations

import json
import logging
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression

from datarobot_drum.drum.exceptions import ModelError, ModelLoadError, PayloadError, SettingError
from datarobot_drum.drum.prediction.payload.structured import read_data
from tests.unit.folders import load, predict, write_folder

pytest.importorskip("mlflow.pyfunc")
import mlflow.models
import mlflow.pyfunc

NAMES = ["a", "b", "c"]
LABELS = ("high", "low", "mid")
Save = Callable[[Path, Any, Any], None]


@pytest.fixture(autouse=True)
def import_path() -> Iterator[None]:
    """Folders with code leave it on the path; the next test shall not find it."""
    before = sys.path[:]
    yield
    sys.path[:] = before


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    return pd.DataFrame(np.random.default_rng(7).normal(size=(150, 3)), columns=NAMES)


@pytest.fixture(scope="module")
def target(rows: pd.DataFrame) -> pd.Series[float]:
    return 3 * rows["a"] + rows["b"] - 2 * rows["c"] + np.sin(5 * rows["a"])


@pytest.fixture(scope="module")
def classes(target: pd.Series[float]) -> Any:
    return np.array(LABELS)[pd.cut(target, 3, labels=False)]


def flavor(name: str) -> Any:
    library = {"sklearn": "sklearn", "onnx": "skl2onnx", "pytorch": "torch"}.get(name, name)
    pytest.importorskip(library)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip(f"mlflow.{name}")


def save(name: str, model: Any, folder: Path, **options: Any) -> Path:
    options.setdefault("pip_requirements", [])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        flavor(name).save_model(model, str(folder), **options)
    return folder


def signature(rows: Any, result: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return mlflow.models.infer_signature(rows, result)


def by_mlflow(folder: Path, rows: Any) -> Any:
    """What the judge says, as one column of values."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = mlflow.pyfunc.load_model(str(folder)).predict(rows)
    return np.asarray(result).reshape(len(rows), -1)


# --- every flavour, regression -----------------------------------------------------------------


def sklearn_skops(folder: Path, rows: Any, target: Any) -> None:
    save("sklearn", LinearRegression().fit(rows, target), folder)


def sklearn_pickle(folder: Path, rows: Any, target: Any) -> None:
    model = LinearRegression().fit(rows, target)
    save("sklearn", model, folder, serialization_format="pickle")


def sklearn_signed(folder: Path, rows: Any, target: Any) -> None:
    """Trained on float32: MLflow brings rows to it, and so the digits are others."""
    single = rows.astype("float32")
    model = LinearRegression().fit(single, target.astype("float32"))
    save("sklearn", model, folder, signature=signature(single, target))


def xgboost_early(folder: Path, rows: Any, target: Any) -> None:
    xgboost = pytest.importorskip("xgboost")
    model = xgboost.XGBRegressor(n_estimators=300, early_stopping_rounds=5, learning_rate=0.5)
    model.fit(rows[:60], target[:60], eval_set=[(rows[60:], target[60:])], verbose=False)
    assert model.best_iteration < 200
    save("xgboost", model, folder)


def xgboost_json(folder: Path, rows: Any, target: Any) -> None:
    xgboost = pytest.importorskip("xgboost")
    model = xgboost.XGBRegressor(n_estimators=9, booster="dart", rate_drop=0.5).fit(rows, target)
    save("xgboost", model, folder, model_format="json")


def xgboost_native(folder: Path, rows: Any, target: Any) -> None:
    """A native booster uses all its trees, also those after the best."""
    xgboost = pytest.importorskip("xgboost")
    data, more = xgboost.DMatrix(rows[:60], target[:60]), xgboost.DMatrix(rows[60:], target[60:])
    model = xgboost.train(
        {"eta": 0.5}, data, 60, evals=[(more, "more")], early_stopping_rounds=5, verbose_eval=False
    )
    save("xgboost", model, folder)


def lightgbm_sklearn(folder: Path, rows: Any, target: Any) -> None:
    lightgbm = pytest.importorskip("lightgbm")
    save("lightgbm", lightgbm.LGBMRegressor(n_estimators=9, verbose=-1).fit(rows, target), folder)


def lightgbm_native(folder: Path, rows: Any, target: Any) -> None:
    lightgbm = pytest.importorskip("lightgbm")
    data = lightgbm.Dataset(rows, target)
    save("lightgbm", lightgbm.train({"verbose": -1}, data, num_boost_round=9), folder)


def _catboost(folder: Path, rows: Any, target: Any, kind: str, loss: str) -> None:
    catboost = pytest.importorskip("catboost")
    model = getattr(catboost, kind)(
        {"iterations": 9, "loss_function": loss, "allow_writing_files": False}
    )
    save("catboost", model.fit(rows, np.abs(target), verbose=False), folder)


def catboost_regressor(folder: Path, rows: Any, target: Any) -> None:
    _catboost(folder, rows, target, "CatBoost", "RMSE")


def catboost_poisson(folder: Path, rows: Any, target: Any) -> None:
    catboost = pytest.importorskip("catboost")
    model = catboost.CatBoostRegressor(
        iterations=9, loss_function="Poisson", allow_writing_files=False, verbose=False
    )
    save("catboost", model.fit(rows, np.abs(target)), folder)


def catboost_generic(folder: Path, rows: Any, target: Any) -> None:
    """Without a class of its own it predicts what the formula says, before any link."""
    _catboost(folder, rows, target, "CatBoost", "Poisson")


def onnx_file(folder: Path, rows: Any, target: Any) -> None:
    skl2onnx = pytest.importorskip("skl2onnx")
    model = LinearRegression().fit(rows, target)
    save("onnx", skl2onnx.to_onnx(model, rows[:1].to_numpy(np.float32)), folder)


def onnx_with_options(folder: Path, rows: Any, target: Any) -> None:
    skl2onnx = pytest.importorskip("skl2onnx")
    model = LinearRegression().fit(rows, target)
    options = {"intra_op_num_threads": 1, "graph_optimization_level": 0}
    exported = skl2onnx.to_onnx(model, rows[:1].to_numpy(np.float32))
    save("onnx", exported, folder, onnx_session_options=options)


def pytorch_module(folder: Path, rows: Any, target: Any) -> None:
    torch = pytest.importorskip("torch")
    torch.manual_seed(1)
    model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Dropout(), torch.nn.Linear(4, 1))
    save("pytorch", model, folder, serialization_format="pickle")


def pytorch_exported(folder: Path, rows: Any, target: Any) -> None:
    """MLflow's default. Its signature asks for one tensor of float32."""
    torch = pytest.importorskip("torch")
    torch.manual_seed(1)
    example = rows[:5].to_numpy(np.float32)
    save("pytorch", torch.nn.Linear(3, 1), folder, input_example=example)


def statsmodels_ols(folder: Path, rows: Any, target: Any) -> None:
    pytest.importorskip("statsmodels")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import statsmodels.formula.api as smf

        model = smf.ols("target ~ a + b * c", rows.assign(target=target)).fit()
    save("statsmodels", model, folder, signature=signature(rows, target))


class Weighted(mlflow.pyfunc.PythonModel):
    def predict(self, context: Any, model_input: Any, params: Any = None) -> Any:
        return model_input["a"] * 2 + model_input["b"]


def python_function(folder: Path, rows: Any, target: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mlflow.pyfunc.save_model(str(folder), python_model=Weighted(), pip_requirements=[])


REGRESSIONS = [
    sklearn_skops,
    sklearn_pickle,
    sklearn_signed,
    xgboost_early,
    xgboost_json,
    xgboost_native,
    lightgbm_sklearn,
    lightgbm_native,
    catboost_regressor,
    catboost_poisson,
    catboost_generic,
    onnx_file,
    onnx_with_options,
    pytorch_module,
    pytorch_exported,
    statsmodels_ols,
    python_function,
]


# MLflow's own way from a frame to a tensor.
@pytest.mark.filterwarnings("ignore:The given NumPy array is not writable:UserWarning")
@pytest.mark.parametrize("save_flavor", REGRESSIONS)
def test_regression_is_what_pyfunc_says_to_the_last_bit(
    tmp_path: Path, rows: pd.DataFrame, target: pd.Series[float], save_flavor: Save
) -> None:
    folder = tmp_path / "saved"
    save_flavor(folder, rows, target)
    of_single = save_flavor in (sklearn_signed, pytorch_exported)
    given = rows.astype("float32") if of_single else rows
    result = predict(load(folder, "regression"), rows)
    expected = by_mlflow(folder, given)
    assert result.values.dtype == expected.dtype
    np.testing.assert_array_equal(result.values, expected)


@pytest.mark.parametrize("save_flavor", [sklearn_pickle, lightgbm_sklearn, python_function])
def test_rows_come_in_any_order_of_columns(
    tmp_path: Path, rows: pd.DataFrame, target: pd.Series[float], save_flavor: Save
) -> None:
    folder = tmp_path / "saved"
    save_flavor(folder, rows, target)
    predictor = load(folder, "regression")
    np.testing.assert_array_equal(
        predict(predictor, rows[["c", "a", "b"]]).values, predict(predictor, rows).values
    )


def test_keras(tmp_path: Path, rows: pd.DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch")
    if "keras" not in sys.modules:
        monkeypatch.setenv("KERAS_BACKEND", "torch")
    pytest.importorskip("keras")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import keras

        keras.utils.set_random_seed(3)
        model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
        folder = save("keras", model, tmp_path / "saved")
        result = predict(load(folder, "regression"), rows)
    np.testing.assert_array_equal(result.values, by_mlflow(folder, rows))


# --- every flavour, classes -------------------------------------------------------------------


@pytest.mark.parametrize("how", ["skops", "cloudpickle", "pickle"])
def test_sklearn_classes_get_probabilities(
    tmp_path: Path, rows: pd.DataFrame, classes: Any, how: str
) -> None:
    model = LogisticRegression().fit(rows, classes)
    folder = save("sklearn", model, tmp_path / "saved", serialization_format=how)
    result = predict(load(folder, "multiclass", class_labels=LABELS[::-1]), rows)
    assert result.columns == LABELS
    np.testing.assert_array_equal(result.values, model.predict_proba(rows))


def test_a_method_that_mlflow_was_told_to_call(
    tmp_path: Path, rows: pd.DataFrame, classes: Any
) -> None:
    model = LogisticRegression().fit(rows, classes == "low")
    folder = tmp_path / "saved"
    save("sklearn", model, folder, pyfunc_predict_fn="predict_log_proba")
    labels = {"positive_class_label": "True", "negative_class_label": "False"}
    result = predict(load(folder, "binary", **labels), rows)
    np.testing.assert_array_equal(result.values, model.predict_proba(rows))
    with pytest.raises(ModelError, match="must contain only 1 column"):
        predict(load(folder, "regression"), rows)


def test_a_method_that_only_mlflow_calls_needs_mlflow(
    tmp_path: Path, rows: pd.DataFrame, classes: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = LogisticRegression().fit(rows, classes)
    folder = save("sklearn", model, tmp_path / "saved", pyfunc_predict_fn="predict_proba")
    monkeypatch.setitem(sys.modules, "mlflow.pyfunc", None)
    load(folder, "multiclass", class_labels=LABELS)
    with pytest.raises(ModelLoadError, match="pip install mlflow"):
        load(folder, "regression")


def test_xgboost_classes_by_the_names_of_the_classifier(
    tmp_path: Path, rows: pd.DataFrame, classes: Any
) -> None:
    xgboost = pytest.importorskip("xgboost")
    codes = np.unique(classes, return_inverse=True)[1]
    model = xgboost.XGBClassifier(n_estimators=200, early_stopping_rounds=3)
    model.fit(rows[:90], codes[:90], eval_set=[(rows[90:], codes[90:])], verbose=False)
    folder = save("xgboost", model, tmp_path / "saved")
    result = predict(load(folder, "multiclass", class_labels=("2", "0", "1")), rows)
    assert result.columns == ("0", "1", "2")
    np.testing.assert_array_equal(result.values, model.predict_proba(rows))


def test_lightgbm_and_catboost_classes(tmp_path: Path, rows: pd.DataFrame, classes: Any) -> None:
    lightgbm, catboost = pytest.importorskip("lightgbm"), pytest.importorskip("catboost")
    models = {
        "lightgbm": lightgbm.LGBMClassifier(n_estimators=5, verbose=-1).fit(rows, classes),
        "catboost": catboost.CatBoostClassifier(
            iterations=5, verbose=False, allow_writing_files=False
        ).fit(rows, classes),
    }
    for name, model in models.items():
        folder = save(name, model, tmp_path / name)
        result = predict(load(folder, "multiclass", class_labels=("low", "high", "mid")), rows)
        assert result.columns == LABELS
        np.testing.assert_array_equal(result.values, model.predict_proba(rows))


@pytest.mark.parametrize("options", [None, {"intra_op_num_threads": 1}])
def test_onnx_classes(
    tmp_path: Path, rows: pd.DataFrame, target: pd.Series[float], options: Any
) -> None:
    skl2onnx = pytest.importorskip("skl2onnx")
    model = LogisticRegression().fit(rows, (target > 0).astype(int))
    exported = skl2onnx.to_onnx(model, rows[:1].to_numpy(np.float32), options={"zipmap": False})
    folder = save("onnx", exported, tmp_path / "saved", onnx_session_options=options)
    result = predict(load(folder, "binary"), rows)
    np.testing.assert_allclose(result.values, model.predict_proba(rows), atol=1e-5)


def test_pytorch_classes(tmp_path: Path, rows: pd.DataFrame) -> None:
    torch = pytest.importorskip("torch")
    torch.manual_seed(1)
    model = torch.nn.Sequential(torch.nn.Linear(3, 3), torch.nn.Softmax(dim=1))
    folder = save("pytorch", model, tmp_path / "saved", serialization_format="pickle")
    result = predict(load(folder, "multiclass", class_labels=LABELS), rows)
    assert result.columns == LABELS
    np.testing.assert_array_equal(result.values, by_mlflow(folder, rows))


def test_statsmodels_gives_the_positive_class(
    tmp_path: Path, rows: pd.DataFrame, target: pd.Series[float]
) -> None:
    pytest.importorskip("statsmodels")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import statsmodels.formula.api as smf

        noisy = (target + np.random.default_rng(1).normal(size=len(rows)) * 4 > 0).astype(int)
        model = smf.logit("y ~ a + b + c", rows.assign(y=noisy)).fit(disp=0)
    folder = save("statsmodels", model, tmp_path / "saved")
    result = predict(load(folder, "binary"), rows)
    np.testing.assert_array_equal(result.values[:, 1:], by_mlflow(folder, rows))


def test_hooks_get_the_frameworks_own_object(tmp_path: Path, rows: pd.DataFrame) -> None:
    model = LinearRegression().fit(rows, rows["a"])
    folder = save("sklearn", model, tmp_path / "saved", signature=signature(rows, rows["a"]))
    (folder / "custom.py").write_text(
        "import pandas as pd\n"
        "def score(data, model, **kwargs):\n"
        "    return pd.DataFrame({'Predictions': [type(model).__name__] * len(data)})\n"
    )
    assert predict(load(folder, "regression"), rows[:1]).values.tolist() == [["LinearRegression"]]


# --- signatures -------------------------------------------------------------------------------


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


# --- what MLmodel trusts ---------------------------------------------------------------------


@pytest.fixture
def trusting(tmp_path: Path, rows: pd.DataFrame, target: pd.Series[float]) -> Path:
    lightgbm_sklearn(tmp_path / "saved", rows, target)
    return tmp_path / "saved"


def test_types_that_mlmodel_trusts_are_loaded_and_logged(
    trusting: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        load(trusting, "regression")
    [line] = [r.getMessage() for r in caplog.records if "trusts" in r.getMessage()]
    assert "model.skops holds types that MLmodel itself trusts: " in line
    assert "lightgbm.basic.Booster" in line


def test_trusting_mlmodel_can_be_turned_off(
    trusting: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLOPS_RUNTIME_PARAM_DRUM_MLFLOW_TRUSTED_TYPES", "false")
    with pytest.raises(ModelLoadError) as error:
        load(trusting, "regression")
    assert "model.skops holds types that are not trusted: [" in str(error.value)
    assert "or set DRUM_MLFLOW_TRUSTED_TYPES to true" in str(error.value)


def test_the_switch_is_true_or_false(trusting: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLOPS_RUNTIME_PARAM_DRUM_MLFLOW_TRUSTED_TYPES", "perhaps")
    with pytest.raises(SettingError, match="Invalid DRUM_MLFLOW_TRUSTED_TYPES: 'perhaps'"):
        load(trusting, "regression")


def test_types_that_mlmodel_does_not_list_stay_refused(
    tmp_path: Path, rows: pd.DataFrame, classes: Any
) -> None:
    model = RandomForestClassifier(2).fit(rows, classes)
    folder = tmp_path / "saved"
    save("sklearn", model, folder, skops_trusted_types=["sklearn.tree._tree.Tree"])
    load(folder, "multiclass", class_labels=LABELS)
    mlmodel = folder / "MLmodel"
    mlmodel.write_text(mlmodel.read_text().replace("sklearn.tree._tree.Tree", "builtins.int"))
    with pytest.raises(ModelLoadError, match=r"not trusted: \['sklearn\.tree\._tree\.Tree'\]"):
        load(folder, "multiclass", class_labels=LABELS)


# --- files and code ---------------------------------------------------------------------------


def test_modules_saved_with_the_model_are_found_now_and_later(
    tmp_path: Path, rows: pd.DataFrame
) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "halving_model.py").write_text(
        "class Halving:\n"
        "    def fit(self, rows, target=None): return self\n"
        "    def predict(self, rows):\n"
        "        import halving_factor\n"
        "        return rows['a'].to_numpy() * halving_factor.FACTOR\n"
    )
    (source / "halving_factor.py").write_text("FACTOR = 0.5\n")
    sys.path.insert(0, str(source))
    from halving_model import Halving  # type: ignore[import-not-found]

    folder = tmp_path / "saved"
    save(
        "sklearn",
        Halving(),
        folder,
        serialization_format="pickle",
        code_paths=[str(source / "halving_model.py"), str(source / "halving_factor.py")],
    )
    sys.path.remove(str(source))
    for name in ("halving_model", "halving_factor"):
        sys.modules.pop(name, None)
    result = predict(load(folder, "regression"), rows)
    assert result.values[:, 0].tolist() == (rows["a"] / 2).tolist()


MLMODEL = """\
flavors:
  python_function: {{loader_module: mlflow.{flavor}, {code}data: model.pkl, model_path: {name}}}
  {flavor}: {{pickled_model: {name}, data: {name}}}
"""


@pytest.mark.parametrize("flavor", ["sklearn", "lightgbm", "statsmodels", "pytorch"])
@pytest.mark.parametrize("name", ["../model.pkl", "{folder}/model.pkl", "sub/../../model.pkl"])
def test_a_file_outside_of_the_folder_is_refused(tmp_path: Path, flavor: str, name: str) -> None:
    folder = write_folder(tmp_path / "saved")
    write_folder(tmp_path, model_pkl=LinearRegression().fit([[1.0]], [1.0]))
    name = name.format(folder=tmp_path)
    (folder / "MLmodel").write_text(MLMODEL.format(flavor=flavor, code="", name=name))
    with pytest.raises(ModelLoadError, match="MLmodel names a file outside of its folder: "):
        load(folder, "regression")


@pytest.mark.parametrize("key", ["file", "code"])
def test_a_link_out_of_the_folder_is_refused(tmp_path: Path, key: str) -> None:
    folder = write_folder(tmp_path / "saved")
    write_folder(tmp_path, model_pkl=LinearRegression().fit([[1.0]], [1.0]))
    code = "code: code, " if key == "code" else ""
    (folder / "MLmodel").write_text(MLMODEL.format(flavor="sklearn", code=code, name="model.pkl"))
    if key == "file":
        (folder / "model.pkl").symlink_to(tmp_path / "model.pkl")
    else:
        write_folder(folder, model_pkl=LinearRegression().fit([[1.0]], [1.0]))
        (folder / "code").symlink_to(tmp_path)
    with pytest.raises(ModelLoadError, match="MLmodel names a file outside of its folder: "):
        load(folder, "regression")


def test_links_within_the_folder_are_fine(tmp_path: Path) -> None:
    """Kubernetes mounts a folder so."""
    rows = pd.DataFrame({"a": [1.0, 2.0]})
    inner = write_folder(tmp_path / "..data", model_pkl=LinearRegression().fit(rows, [2, 4]))
    (inner / "MLmodel").write_text(MLMODEL.format(flavor="sklearn", code="", name="model.pkl"))
    for name in ("MLmodel", "model.pkl"):
        (tmp_path / name).symlink_to(Path("..data", name))
    np.testing.assert_allclose(predict(load(tmp_path, "regression"), rows).values[:, 0], [2, 4])


def test_a_pointer_inside_of_the_folder_is_called_one(tmp_path: Path) -> None:
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"
    folder = write_folder(tmp_path, model_pkl=pointer)
    (folder / "MLmodel").write_text(MLMODEL.format(flavor="sklearn", code="", name="model.pkl"))
    with pytest.raises(ModelLoadError, match=r"model\.pkl is a Git LFS pointer"):
        load(folder, "regression")


@pytest.mark.parametrize("content", ["{", "flavors: 3\n", "a: b\n", ""])
def test_a_file_that_mlflow_did_not_write(tmp_path: Path, content: str) -> None:
    (tmp_path / "MLmodel").write_text(content or "\n")
    with pytest.raises(ModelLoadError, match="MLmodel is not a file that MLflow wrote"):
        load(tmp_path, "regression")
