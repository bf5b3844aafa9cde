"""The boosters' own files, and their pickles, loaded from a folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from datarobot_drum.drum.exceptions import ModelLoadError
from datarobot_drum.drum.prediction.payload.structured import read_data
from tests.unit.folders import load, predict, write_folder
from tests.unit.model.artifacts.saved import LABELS, binary, xgb_binary


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
    (tmp_path / "custom.py").write_text("def transform(data, model):\n    return data\n")
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
