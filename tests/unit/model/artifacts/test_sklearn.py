"""scikit-learn objects, and others that predict like them, from a pickle."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from datarobot_drum.drum.exceptions import ModelError, ModelLoadError
from tests.unit.folders import load, predict, write_folder
from tests.unit.model.artifacts.saved import LABELS


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
    model = LinearRegression().fit(rows, target)
    model.coef_ = model.coef_[:2]
    predictor = load(write_folder(tmp_path, model_pkl=model), "regression")
    with pytest.raises(ModelError, match=r"Failure when making predictions\. Exception: ValueErr"):
        predict(predictor, rows)


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
        "loaded model and a score hook is not provided: it is of <class 'dict'>"
    )
    with pytest.raises(ModelLoadError) as error:
        load(tmp_path, "regression")
    assert str(error.value) == expected
    (tmp_path / "custom.py").write_text(
        "import pandas as pd\ndef score(data, model, **kwargs):\n"
        "    return pd.DataFrame({'p': model['weights'] * len(data)})\n"
    )
    assert predict(load(tmp_path, "regression")).values[:, 0].tolist() == [1, 1, 1]
