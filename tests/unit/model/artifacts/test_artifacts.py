"""Artifacts of every framework, saved by the real library, loaded from a folder."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from datarobot_drum.drum.exceptions import ModelError, ModelLoadError
from datarobot_drum.drum.prediction.payload.structured import read_data
from tests.unit.folders import load, predict, write_folder

LABELS = ("setosa", "versicolor", "virginica")


@pytest.fixture(scope="module")
def iris() -> tuple[pd.DataFrame, np.ndarray]:
    rows, target = load_iris(return_X_y=True, as_frame=True)
    rows.columns = ["sepal_length", "sepal_width", "petal_length", "petal_width"]
    return rows, target.to_numpy()


@pytest.fixture(scope="module")
def cancer() -> tuple[pd.DataFrame, np.ndarray]:
    rows, target = load_breast_cancer(return_X_y=True, as_frame=True)
    rows = rows.iloc[:, :5]
    rows.columns = list("abcde")
    return rows, target.to_numpy()


@pytest.fixture(scope="module")
def diabetes() -> tuple[pd.DataFrame, np.ndarray]:
    rows, target = load_diabetes(return_X_y=True, as_frame=True)
    return rows, target.to_numpy()


def binary(folder: Path) -> Any:
    return load(folder, "binary", positive_class_label="ill", negative_class_label="well")


# --- scikit-learn ------------------------------------------------------------------------


@pytest.mark.parametrize("extension", ["pkl", "PKL", "joblib"])
def test_sklearn_regression_predicts_what_the_model_predicts(
    tmp_path: Path, diabetes: Any, extension: str
) -> None:
    import joblib

    rows, target = diabetes
    model = make_pipeline(StandardScaler(), LinearRegression()).fit(rows, target)
    if extension == "joblib":
        joblib.dump(model, tmp_path / "model.joblib")
    else:
        write_folder(tmp_path, **{f"model_{extension}": model})
    predictor = load(tmp_path, "regression")
    result = predict(predictor, rows)
    assert result.columns == ("Predictions",)
    np.testing.assert_array_equal(result.values[:, 0], model.predict(rows))
    assert predictor.info.framework == "scikit-learn"
    assert predictor.info.batchable


def test_sklearn_classes_keep_the_models_order_and_take_the_labels_spelling(
    tmp_path: Path, iris: Any
) -> None:
    rows, target = iris
    model = LogisticRegression(max_iter=500).fit(rows, np.array(LABELS)[target])
    write_folder(tmp_path, model_pkl=model)
    predictor = load(tmp_path, "multiclass", class_labels=("Virginica", "setosa", "versicolor"))
    result = predict(predictor, rows)
    assert result.columns == ("setosa", "versicolor", "Virginica")
    np.testing.assert_array_equal(result.values, model.predict_proba(rows))


def test_sklearn_binary_matches_numbers_with_words(tmp_path: Path, cancer: Any) -> None:
    rows, target = cancer
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(rows, target)
    write_folder(tmp_path, model_pkl=model)
    result = predict(load(tmp_path, "binary"), rows)
    assert result.columns == ("no", "yes")
    np.testing.assert_array_equal(result.values[:, 1], model.predict_proba(rows)[:, 1])


def test_sklearn_multilabel_takes_labels_by_name_and_need_not_sum_to_one(
    tmp_path: Path, iris: Any
) -> None:
    rows, target = iris
    model = OneVsRestClassifier(LogisticRegression(max_iter=500))
    model.fit(rows, np.column_stack((target > 0, target > 1)).astype(int))
    write_folder(tmp_path, model_pkl=model)
    result = predict(load(tmp_path, "multilabel", class_labels=("0", "1")), rows)
    np.testing.assert_array_equal(result.values, model.predict_proba(rows))


def test_sklearn_refuses_target_types_it_cannot_serve(tmp_path: Path, diabetes: Any) -> None:
    write_folder(tmp_path, model_pkl=LinearRegression().fit(*diabetes))
    predictor = load(tmp_path, "textgeneration", target_name="text")
    expected = "Target type 'textgeneration' is not supported by 'SKLearnPredictor' predictor"
    with pytest.raises(ModelError, match=f"Failure when making predictions.*{expected}"):
        predict(predictor, diabetes[0])


def test_failing_framework_is_a_model_error_with_its_cause(tmp_path: Path, diabetes: Any) -> None:
    rows, target = diabetes
    write_folder(tmp_path, model_pkl=LinearRegression().fit(rows, target))
    predictor = load(tmp_path, "regression")
    with pytest.raises(ModelError, match=r"Failure when making predictions\. Exception: ValueErr"):
        predict(predictor, rows.assign(age="old"))


class Doubler:
    """Not of any framework, but it predicts."""

    def predict(self, rows: pd.DataFrame) -> Any:
        return rows["a"].to_numpy() * 2


class Speaker:
    def predict(self, rows: pd.DataFrame) -> Any:
        return {"answer": 1.0}


def test_anything_with_predict_serves_but_is_never_batched(tmp_path: Path) -> None:
    write_folder(tmp_path, model_pkl=Doubler())
    predictor = load(tmp_path, "regression")
    assert predict(predictor).values[:, 0].tolist() == [2.0, 4.0, 6.0]
    assert not predictor.info.batchable


def test_predictions_must_be_an_array(tmp_path: Path) -> None:
    write_folder(tmp_path, model_pkl=Speaker())
    with pytest.raises(ModelError, match="must return a np array, but received <class 'dict'>"):
        predict(load(tmp_path, "regression"))


def test_unknown_object_is_refused_unless_a_hook_scores(tmp_path: Path) -> None:
    write_folder(tmp_path, model_pkl={"weights": [1]})
    expected = (
        "An error occurred when loading your artifact: "
        "\n\nRunning environment language: Python.\nCould not find any framework to handle "
        "loaded model and a score hook is not provided"
    )
    with pytest.raises(ModelLoadError) as error:
        load(tmp_path, "regression")
    assert str(error.value) == expected
    (tmp_path / "custom.py").write_text(
        "import pandas as pd\ndef score(data, model, **kwargs):\n"
        "    return pd.DataFrame({'p': model['weights'] * len(data)})\n"
    )
    assert predict(load(tmp_path, "regression")).values[:, 0].tolist() == [1, 1, 1]


# --- skops -------------------------------------------------------------------------------


def test_skops_file_loads_as_scikit_learn(tmp_path: Path, diabetes: Any) -> None:
    skops_io = pytest.importorskip("skops.io")
    model = LinearRegression().fit(*diabetes)
    skops_io.dump(model, tmp_path / "model.skops")
    predictor = load(tmp_path, "regression")
    np.testing.assert_allclose(
        predict(predictor, diabetes[0]).values[:, 0], model.predict(diabetes[0])
    )
    assert predictor.info.framework == "scikit-learn"


def test_skops_file_with_untrusted_types_is_refused_by_name(tmp_path: Path) -> None:
    skops_io = pytest.importorskip("skops.io")
    skops_io.dump(Doubler(), tmp_path / "model.skops")
    with pytest.raises(
        ModelLoadError, match=r"model\.skops holds types that are not trusted.*Doub"
    ):
        load(tmp_path, "regression")


# --- gradient boosting -------------------------------------------------------------------


def xgb_binary(rows: Any, target: Any) -> Any:
    xgboost = pytest.importorskip("xgboost")
    data = xgboost.DMatrix(rows, label=target)
    return xgboost.train({"objective": "binary:logistic"}, data, num_boost_round=3)


@pytest.mark.parametrize("name", ["model.pkl", "model.json", "model.ubj"])
def test_xgboost_booster_gives_the_positive_class(tmp_path: Path, cancer: Any, name: str) -> None:
    import pickle

    xgboost = pytest.importorskip("xgboost")
    rows, target = cancer
    booster = xgb_binary(rows, target)
    if name.endswith("pkl"):
        (tmp_path / name).write_bytes(pickle.dumps(booster))
    else:
        booster.save_model(tmp_path / name)
    predictor = binary(tmp_path)
    result = predict(predictor, rows)
    assert result.columns == ("well", "ill")
    np.testing.assert_allclose(result.values[:, 1], booster.predict(xgboost.DMatrix(rows)))
    assert predictor.info.framework == "xgboost"


def test_xgboost_multiclass_booster_takes_labels_by_position(tmp_path: Path, iris: Any) -> None:
    xgboost = pytest.importorskip("xgboost")
    rows, target = iris
    parameters = {"objective": "multi:softprob", "num_class": 3}
    booster = xgboost.train(parameters, xgboost.DMatrix(rows, label=target), num_boost_round=3)
    booster.save_model(tmp_path / "model.ubj")
    result = predict(load(tmp_path, "multiclass", class_labels=LABELS), rows)
    assert result.columns == LABELS
    np.testing.assert_allclose(result.values, booster.predict(xgboost.DMatrix(rows)))


def test_xgboost_in_a_pipeline_is_named_and_a_bare_estimator_is_scikit_learn(
    tmp_path: Path, cancer: Any
) -> None:
    xgboost = pytest.importorskip("xgboost")
    rows, target = cancer
    model = make_pipeline(StandardScaler(), xgboost.XGBClassifier(n_estimators=3))
    model.fit(rows, target)
    write_folder(tmp_path / "pipeline", model_pkl=model)
    write_folder(tmp_path / "bare", model_pkl=model[-1])
    pipeline = load(tmp_path / "pipeline", "binary")
    assert pipeline.info.framework == "xgboost"
    assert predict(pipeline, rows).columns == ("no", "yes")
    assert load(tmp_path / "bare", "binary").info.framework == "scikit-learn"


def test_other_json_and_text_files_are_no_models(tmp_path: Path) -> None:
    (tmp_path / "settings.json").write_text('{"learning_rate": 0.1}')
    (tmp_path / "requirements.txt").write_text("lightgbm\n")
    (tmp_path / "custom.py").write_text("def score(data, model, **kwargs):\n    return data\n")
    with pytest.raises(ModelLoadError, match="Could not find model artifact file in"):
        load(tmp_path, "regression")


@pytest.mark.parametrize("name", ["model.pkl", "model.txt"])
def test_lightgbm_booster_and_columns_in_another_order(
    tmp_path: Path, cancer: Any, name: str
) -> None:
    import pickle

    lightgbm = pytest.importorskip("lightgbm")
    rows, target = cancer
    parameters = {"objective": "binary", "verbose": -1}
    booster = lightgbm.train(parameters, lightgbm.Dataset(rows, target), num_boost_round=3)
    if name.endswith("pkl"):
        (tmp_path / name).write_bytes(pickle.dumps(booster))
    else:
        booster.save_model(tmp_path / name)
    predictor = binary(tmp_path)
    expected = booster.predict(rows)
    np.testing.assert_allclose(predict(predictor, rows).values[:, 1], expected)
    np.testing.assert_allclose(predict(predictor, rows[list("edcba")]).values[:, 1], expected)
    assert predictor.info.framework == "lightgbm"


@pytest.mark.parametrize("name", ["model.pkl", "model.cbm"])
def test_catboost_knows_its_classes(tmp_path: Path, iris: Any, name: str) -> None:
    import pickle

    catboost = pytest.importorskip("catboost")
    rows, target = iris
    model = catboost.CatBoostClassifier(iterations=3, verbose=False, allow_writing_files=False)
    model.fit(rows, np.array(LABELS)[target])
    if name.endswith("pkl"):
        (tmp_path / name).write_bytes(pickle.dumps(model))
    else:
        model.save_model(str(tmp_path / name))
    predictor = load(tmp_path, "multiclass", class_labels=LABELS[::-1])
    result = predict(predictor, rows)
    assert result.columns == LABELS
    np.testing.assert_allclose(result.values, model.predict_proba(rows))
    assert predictor.info.framework == "catboost"


@pytest.mark.parametrize("kind", ["xgboost", "lightgbm", "catboost"])
def test_rows_without_names_reach_models_that_know_theirs(
    tmp_path: Path, cancer: Any, kind: str
) -> None:
    library = pytest.importorskip(kind)
    rows, target = cancer
    if kind == "xgboost":
        xgb_binary(rows, target).save_model(tmp_path / "model.json")
    elif kind == "lightgbm":
        data = library.Dataset(rows, target)
        options = {"objective": "binary", "verbose": -1}
        library.train(options, data, num_boost_round=3).save_model(tmp_path / "model.txt")
    else:
        model = library.CatBoostClassifier(iterations=3, verbose=False, allow_writing_files=False)
        model.fit(rows, np.array(["well", "ill"])[target]).save_model(str(tmp_path / "model.cbm"))
    predictor = binary(tmp_path)
    assert predictor.info.feature_names == tuple(rows.columns)
    body = json.dumps({"instances": rows.to_numpy().tolist()}).encode()
    unnamed, source = read_data(body, "application/json", None, predictor)
    np.testing.assert_array_equal(
        predictor.predict(unnamed, source).values, predict(predictor, rows).values
    )


@pytest.mark.parametrize("loss", ["RMSE", "Poisson"])
def test_catboost_file_regresses_like_the_regressor_it_was(
    tmp_path: Path, diabetes: Any, loss: str
) -> None:
    catboost = pytest.importorskip("catboost")
    rows, target = diabetes
    model = catboost.CatBoostRegressor(
        iterations=3, verbose=False, loss_function=loss, allow_writing_files=False
    ).fit(rows, target)
    model.save_model(str(tmp_path / "model.cbm"))
    result = predict(load(tmp_path, "regression"), rows)
    np.testing.assert_allclose(result.values[:, 0], model.predict(rows))


# --- onnx --------------------------------------------------------------------------------


def save_onnx(folder: Path, model: Any, columns: int, *, zipmap: bool) -> None:
    skl2onnx = pytest.importorskip("skl2onnx")
    from skl2onnx.common.data_types import FloatTensorType

    options = {id(model): {"zipmap": zipmap}} if hasattr(model, "classes_") else None
    proto = skl2onnx.convert_sklearn(
        model, initial_types=[("input", FloatTensorType([None, columns]))], options=options
    )
    folder.mkdir(exist_ok=True)
    (folder / "model.onnx").write_bytes(proto.SerializeToString())


@pytest.mark.parametrize("zipmap", [True, False])
def test_onnx_probabilities_whether_unfolded_or_not(
    tmp_path: Path, iris: Any, zipmap: bool
) -> None:
    rows, target = iris
    model = LogisticRegression(max_iter=500).fit(rows, np.array(LABELS)[target])
    save_onnx(tmp_path, model, 4, zipmap=zipmap)
    predictor = load(tmp_path, "multiclass", class_labels=LABELS)
    result = predict(predictor, rows)
    assert result.columns == LABELS
    np.testing.assert_allclose(result.values, model.predict_proba(rows), rtol=1e-4, atol=1e-6)
    assert predictor.info.framework == "onnx"


def test_onnx_regression(tmp_path: Path, diabetes: Any) -> None:
    rows, target = diabetes
    model = LinearRegression().fit(rows, target)
    save_onnx(tmp_path, model, 10, zipmap=False)
    result = predict(load(tmp_path, "regression"), rows)
    np.testing.assert_allclose(result.values[:, 0], model.predict(rows), rtol=1e-3)


# --- torch and keras ---------------------------------------------------------------------


def torch_module(outputs: int, *last: Any) -> Any:
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    return torch.nn.Sequential(
        torch.nn.Linear(2, 4), torch.nn.Dropout(0.5), torch.nn.Linear(4, outputs), *last
    )


@pytest.mark.parametrize("name", ["model.pth", "model.pt"])
@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
def test_torch_modules_predict_in_evaluation_mode(tmp_path: Path, name: str) -> None:
    torch = pytest.importorskip("torch")
    module = torch_module(1)
    if name.endswith("pth"):
        torch.save(module, tmp_path / name)
    else:
        torch.jit.save(torch.jit.script(module), tmp_path / name)
    predictor = load(tmp_path, "regression")
    rows = pd.DataFrame({"a": [1.0, 2.0], "b": [3, 4]})
    expected = module.eval()(torch.tensor(rows.to_numpy(dtype=np.float32))).detach().numpy()
    np.testing.assert_allclose(predict(predictor, rows).values, expected)
    assert predictor.info.framework == "torch"


def test_torch_single_output_is_the_positive_class(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    module = torch_module(1, torch.nn.Sigmoid()).eval()
    torch.save(module, tmp_path / "model.pth")
    result = predict(load(tmp_path, "binary"))
    assert result.columns == ("no", "yes")
    rows = torch.tensor([[1.0, 4.0], [2.0, 5.0], [3.0, 6.0]])
    np.testing.assert_allclose(result.values[:, 1], module(rows).detach().numpy()[:, 0])
    np.testing.assert_allclose(result.values.sum(axis=1), 1)


def test_single_output_is_no_answer_for_three_classes(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    torch.save(torch_module(1), tmp_path / "model.pth")
    expected = "Only one dimension of probability returned, but there are 3 class labels"
    with pytest.raises(ModelError, match=expected):
        predict(load(tmp_path, "multiclass", class_labels=LABELS))


def test_wrong_number_of_unnamed_columns(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    torch.save(torch_module(2, torch.nn.Softmax(1)), tmp_path / "model.pth")
    expected = (
        "probability distribution for the correct number of class labels. "
        "Expected 3 columns, but received 2"
    )
    with pytest.raises(ModelError, match=expected):
        predict(load(tmp_path, "multiclass", class_labels=LABELS))


@pytest.fixture
def keras(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    pytest.importorskip("torch")
    return pytest.importorskip("keras")


@pytest.mark.parametrize("name", ["model.h5", "model.keras"])
@pytest.mark.filterwarnings("ignore")
def test_keras_files(tmp_path: Path, keras: Any, name: str) -> None:
    layers = [keras.layers.Input((2,)), keras.layers.Dense(3, activation="softmax")]
    model = keras.Sequential(layers)
    model.save(tmp_path / name)
    predictor = load(tmp_path, "multiclass", class_labels=LABELS)
    rows = pd.DataFrame({"a": [1.0, 2.0], "b": [3.0, 4.0]})
    result = predict(predictor, rows)
    assert result.columns == LABELS
    np.testing.assert_allclose(result.values, model.predict(rows.to_numpy(), verbose=0), rtol=1e-5)
    assert predictor.info.framework == "keras"


@pytest.mark.filterwarnings("ignore")
def test_keras_takes_the_backend_that_is_installed(tmp_path: Path, keras: Any) -> None:
    model = keras.Sequential([keras.layers.Input((2,)), keras.layers.Dense(1)])
    model.save(tmp_path / "model.keras")
    script = (
        "import os, sys\n"
        "from tests.unit.folders import load, predict\n"
        "from pathlib import Path\n"
        "assert len(predict(load(Path(sys.argv[1]), 'regression'))) == 3\n"
        "assert os.environ['KERAS_BACKEND'] != 'tensorflow'\n"
    )
    surroundings = {k: v for k, v in os.environ.items() if k != "KERAS_BACKEND"}
    if importlib.util.find_spec("tensorflow"):
        pytest.skip("its own default backend is installed")
    subprocess.run([sys.executable, "-c", script, tmp_path], check=True, env=surroundings)


def test_sparse_rows_reach_models_of_dense_matrices(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    module = torch_module(1)
    torch.save(module, tmp_path / "model.pth")
    predictor = load(tmp_path, "regression")
    rows = pd.DataFrame({"a": [0.0, 2.0, 0.0], "b": [1.0, 0.0, 0.0]})
    sparse = rows.astype(pd.SparseDtype(float, 0.0))
    np.testing.assert_array_equal(
        predict(predictor, sparse).values, predict(predictor, rows).values
    )


# --- mlflow ------------------------------------------------------------------------------


def test_mlflow_folder_of_a_known_flavour_needs_no_mlflow(tmp_path: Path, cancer: Any) -> None:
    xgboost = pytest.importorskip("xgboost")
    rows, target = cancer
    booster = xgb_binary(rows, target)
    booster.save_model(tmp_path / "model.ubj")
    (tmp_path / "MLmodel").write_text(
        "flavors:\n"
        "  python_function: {loader_module: mlflow.xgboost, data: model.ubj}\n"
        "  xgboost: {data: model.ubj, model_class: xgboost.core.Booster}\n"
    )
    predictor = binary(tmp_path)
    expected = booster.predict(xgboost.DMatrix(rows))
    np.testing.assert_allclose(predict(predictor, rows).values[:, 1], expected)
    assert predictor.info.framework == "xgboost"


def test_mlflow_folder_of_a_python_function(tmp_path: Path) -> None:
    pytest.importorskip("mlflow.pyfunc")
    script = (
        "import mlflow.pyfunc, sys\n"
        "class Sum(mlflow.pyfunc.PythonModel):\n"
        "    def predict(self, context, model_input, params=None):\n"
        "        return model_input.sum(axis=1)\n"
        "mlflow.pyfunc.save_model(sys.argv[1], python_model=Sum())\n"
    )
    folder = tmp_path / "saved"
    subprocess.run([sys.executable, "-W", "ignore", "-c", script, folder], check=True, cwd=tmp_path)
    predictor = load(folder, "regression")
    assert predict(predictor).values[:, 0].tolist() == [5.0, 7.0, 9.0]
    assert predictor.info.framework == "mlflow"


# --- refusals ----------------------------------------------------------------------------


def test_no_artifact_lists_extensions_and_files(tmp_path: Path) -> None:
    (tmp_path / "custom.py").write_text("def score(data, model, **kwargs):\n    return data\n")
    with pytest.raises(ModelLoadError) as error:
        load(tmp_path, "regression")
    text = str(error.value)
    assert text.startswith(
        "An error occurred when loading your artifact: \n\nRunning environment language: Python.\n"
        f"Could not find model artifact file in: {tmp_path} supported by default predictors.\n"
        "They support filenames with the following extensions ["
    )
    assert "'.joblib'" in text
    assert text.endswith(
        "If your artifact is not supported by default predictor, implement custom.load_model() "
        "hook.\nList of retrieved files are: custom.py"
    )


def test_several_artifacts_are_refused(tmp_path: Path) -> None:
    write_folder(tmp_path, a_pkl=1, b_joblib=b"")
    with pytest.raises(ModelLoadError) as error:
        load(tmp_path, "regression")
    assert str(error.value).endswith(
        "Multiple serialized model files found. Remove extra artifacts or overwrite "
        "custom.load_model()\nList of retrieved files are: a.pkl | b.joblib"
    )


def test_added_extensions_never_make_a_folder_ambiguous(tmp_path: Path, diabetes: Any) -> None:
    write_folder(tmp_path, model_pkl=LinearRegression().fit(*diabetes))
    (tmp_path / "old.cbm").write_bytes(b"")
    assert load(tmp_path, "regression").info.framework == "scikit-learn"


def test_broken_artifact(tmp_path: Path) -> None:
    write_folder(tmp_path, model_pkl=b"not a pickle")
    with pytest.raises(ModelLoadError, match="Could not load model from the artifact file. Excep"):
        load(tmp_path, "regression")


def test_missing_framework_names_file_framework_and_pip(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    write_folder(tmp_path, model_onnx=b"\x08")
    with pytest.raises(ModelLoadError) as error:
        load(tmp_path, "regression")
    assert "The following frameworks support this model artifact" in str(error.value)
    assert "model.onnx needs onnx: pip install onnxruntime" in str(error.value)


def test_missing_module_of_a_pickle_is_named(tmp_path: Path) -> None:
    write_folder(tmp_path, model_pkl=b"cno_such_module\nThing\n.")
    with pytest.raises(ModelLoadError, match=r"model\.pkl needs the module 'no_such_module'"):
        load(tmp_path, "regression")


def test_a_pickle_of_a_class_of_a_script_says_what_to_do(tmp_path: Path) -> None:
    write_folder(tmp_path, model_pkl=b"c__main__\nThing\n.")
    with pytest.raises(ModelLoadError, match=r"model\.pkl was saved by a script or notebook that"):
        load(tmp_path, "regression")


def test_a_folder_imports_only_its_own_framework(tmp_path: Path, diabetes: Any) -> None:
    write_folder(tmp_path, model_pkl=LinearRegression().fit(*diabetes))
    script = (
        "import sys\n"
        "from datarobot_drum.drum.model.local import build_predictor\n"
        "from datarobot_drum.drum.settings import ModelSettings\n"
        "from datarobot_drum.drum.enum import TargetType\n"
        "build_predictor(ModelSettings(sys.argv[1], TargetType.REGRESSION))\n"
        "others = 'torch keras xgboost lightgbm catboost onnxruntime skops mlflow'.split()\n"
        "sys.exit(any(name in sys.modules for name in others))\n"
    )
    assert subprocess.run([sys.executable, "-c", script, tmp_path], check=False).returncode == 0
