"""Boosted trees predict what the fitted object does: best iterations, objectives, classes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from datarobot_drum.drum.exceptions import ModelLoadError
from tests.unit.folders import load, predict
from tests.unit.model.artifacts.boosters.fitted import (
    QUIET,
    ROWS,
    WORDS,
    classifier,
    regressor,
    save,
    stopped_early,
)


@pytest.mark.parametrize("form", ["json", "ubj"])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"booster": "dart", "rate_drop": 0.4},
        {"num_parallel_tree": 3, "subsample": 0.5},
        {"booster": "gblinear"},
    ],
    ids=["trees", "dart", "parallel", "linear"],
)
@pytest.mark.filterwarnings("ignore")
def test_xgboost_file_of_the_scikit_learn_interface_predicts_as_that_does(
    tmp_path: Path, rows: pd.DataFrame, target: Any, form: str, options: Any
) -> None:
    xgboost = pytest.importorskip("xgboost")
    whole = rows.fillna(0.0)
    model = stopped_early(xgboost.XGBRegressor, whole, target, **options)
    predictor = load(save(model, tmp_path, form), "regression")
    assert options.get("booster") == "gblinear" or model.best_iteration < 119
    values = predict(predictor, whole).values[:, 0]
    np.testing.assert_array_equal(values, model.predict(whole))


@pytest.mark.parametrize("form", ["pkl", "json"])
def test_native_xgboost_boosters_use_all_their_trees(
    tmp_path: Path, rows: pd.DataFrame, target: Any, form: str
) -> None:
    xgboost = pytest.importorskip("xgboost")
    booster = stopped_early(xgboost.XGBRegressor, rows, target).get_booster()
    assert booster.attr("best_iteration") is not None
    predictor = load(save(booster, tmp_path, form), "regression")
    values = predict(predictor, rows).values[:, 0]
    np.testing.assert_array_equal(values, booster.predict(xgboost.DMatrix(rows)))


@pytest.mark.parametrize("form", ["pkl", "txt"])
def test_lightgbm_uses_its_best_iteration(
    tmp_path: Path, rows: pd.DataFrame, target: Any, form: str
) -> None:
    lightgbm = pytest.importorskip("lightgbm")
    random = np.random.default_rng(3)
    noisy = lightgbm.Dataset(rows[:80], target[:80] + 4 * random.normal(size=80))
    booster = lightgbm.train(
        {"objective": "regression", "learning_rate": 0.5, **QUIET},
        lightgbm.Dataset(rows, target),
        num_boost_round=60,
        valid_sets=[noisy],
        callbacks=[lightgbm.early_stopping(60, verbose=False)],
        keep_training_booster=True,
    )
    assert 0 < booster.best_iteration < booster.num_trees()
    predictor = load(save(booster, tmp_path, form), "regression")
    values = predict(predictor, rows).values[:, 0]
    np.testing.assert_array_equal(values, booster.predict(rows))
    assert not np.array_equal(values, booster.predict(rows, num_iteration=-1))


@pytest.mark.parametrize(
    ("objective", "judge"), [("multi:softmax", "multi:softprob"), ("multi:softprob", None)]
)
@pytest.mark.parametrize("form", ["pkl", "json"])
def test_xgboost_gives_probabilities_whatever_softmax_it_was_trained_with(
    tmp_path: Path, rows: pd.DataFrame, target: Any, objective: str, judge: str | None, form: str
) -> None:
    xgboost = pytest.importorskip("xgboost")
    data = xgboost.DMatrix(rows, np.digitize(target, [-1, 1]))
    options = {"num_class": 3, "objective": objective}
    booster = xgboost.train(options, data, num_boost_round=5)
    reference = xgboost.train(options | {"objective": judge or objective}, data, 5)
    predictor = load(save(booster, tmp_path, form), "multiclass", class_labels=WORDS)
    result = predict(predictor, rows)
    assert result.columns == WORDS
    np.testing.assert_allclose(result.values, reference.predict(data), rtol=1e-6)


def test_xgboost_turns_raw_scores_of_a_logistic_objective_into_probabilities(
    tmp_path: Path, rows: pd.DataFrame, target: Any
) -> None:
    xgboost = pytest.importorskip("xgboost")
    data = xgboost.DMatrix(rows, target > 0)
    booster = xgboost.train({"objective": "binary:logitraw"}, data, num_boost_round=5)
    values = predict(load(save(booster, tmp_path, "ubj"), "binary"), rows).values[:, 1]
    np.testing.assert_allclose(values, 1 / (1 + np.exp(-booster.predict(data))), rtol=1e-6)


def xgboost_booster(objective: str, rows: Any, target: Any, classes: int) -> Any:
    xgboost = pytest.importorskip("xgboost")
    options = {"objective": objective} | ({"num_class": classes} if classes > 2 else {})
    return xgboost.train(options, xgboost.DMatrix(rows, target), num_boost_round=5)


def lightgbm_booster(objective: str, rows: Any, target: Any, classes: int) -> Any:
    lightgbm = pytest.importorskip("lightgbm")
    options = {"objective": objective, **QUIET} | ({"num_class": classes} if classes > 2 else {})
    return lightgbm.train(options, lightgbm.Dataset(rows, target), num_boost_round=5)


@pytest.mark.parametrize(
    ("train", "binary", "many"),
    [
        (xgboost_booster, "binary:logistic", "multi:softprob"),
        (lightgbm_booster, "binary", "multiclass"),
    ],
    ids=["xgboost", "lightgbm"],
)
def test_labels_that_are_class_numbers_go_by_number(
    tmp_path: Path,
    rows: pd.DataFrame,
    target: Any,
    train: Callable[..., Any],
    binary: str,
    many: str,
) -> None:
    two = train(binary, rows, (target > 0).astype(int), 2)
    folder = save(two, tmp_path / "two", "pkl")
    ones = predict(load(folder, "binary"), rows).values[:, 1]
    for zero, one in (("0", "1"), ("no", "yes"), ("False", "True")):
        labels = {"positive_class_label": zero, "negative_class_label": one}
        turned = predict(load(folder, "binary", **labels), rows)
        assert turned.columns == (zero, one)
        np.testing.assert_array_equal(turned.values[:, 1], ones)
    three = train(many, rows, np.digitize(target, [-1, 1]), 3)
    folder = save(three, tmp_path / "three", "pkl")
    by_position = predict(load(folder, "multiclass", class_labels=WORDS), rows)
    by_number = predict(load(folder, "multiclass", class_labels=("2", "0.0", "1")), rows)
    assert by_number.columns == ("0.0", "1", "2")
    np.testing.assert_array_equal(by_number.values, by_position.values)


@pytest.mark.parametrize(
    ("train", "objective"),
    [
        (xgboost_booster, "count:poisson"),
        (xgboost_booster, "rank:pairwise"),
        (lightgbm_booster, "poisson"),
        (lightgbm_booster, "quantile"),
    ],
)
def test_objectives_that_give_no_probabilities_are_refused_for_classes(
    tmp_path: Path, rows: pd.DataFrame, target: Any, train: Callable[..., Any], objective: str
) -> None:
    booster = train(objective, rows, (target > 0).astype(int), 2)
    folder = save(booster, tmp_path, "pkl")
    with pytest.raises(ModelLoadError, match=f"objective '{objective}', which does not give prob"):
        load(folder, "binary")
    assert len(predict(load(folder, "regression"), rows)) == ROWS


def test_lightgbm_with_an_objective_of_the_users_own_gives_raw_scores_only(
    tmp_path: Path, rows: pd.DataFrame, target: Any
) -> None:
    lightgbm = pytest.importorskip("lightgbm")

    def own(scores: Any, data: Any) -> Any:
        return scores - data.get_label(), np.ones(len(scores))

    data = lightgbm.Dataset(rows, (target > 0).astype(int))
    booster = lightgbm.train({"objective": own, **QUIET}, data, num_boost_round=5)
    folder = save(booster, tmp_path, "txt")
    with pytest.raises(ModelLoadError, match="objective 'custom'"):
        load(folder, "binary")
    values = predict(load(folder, "regression"), rows).values[:, 0]
    np.testing.assert_array_equal(values, booster.predict(rows))


@pytest.mark.parametrize("form", ["pkl", "cbm"])
@pytest.mark.parametrize(
    "loss", ["RMSE", "Poisson", "Tweedie:variance_power=1.5", "LogLinQuantile"]
)
def test_catboost_regressors_in_units_of_the_target(
    tmp_path: Path, rows: pd.DataFrame, target: Any, loss: str, form: str
) -> None:
    model = regressor("catboost", loss_function=loss).fit(rows, np.abs(target))
    result = predict(load(save(model, tmp_path, form), "regression"), rows)
    np.testing.assert_array_equal(result.values[:, 0], model.predict(rows))


@pytest.mark.parametrize("form", ["pkl", "cbm"])
def test_catboost_rankers_predict(
    tmp_path: Path, rows: pd.DataFrame, target: Any, form: str
) -> None:
    catboost = pytest.importorskip("catboost")
    model = catboost.CatBoostRanker(iterations=5, verbose=False, allow_writing_files=False)
    model.fit(rows, target, group_id=np.arange(len(rows)) // 10)
    result = predict(load(save(model, tmp_path, form), "regression"), rows)
    np.testing.assert_array_equal(result.values[:, 0], model.predict(rows))


@pytest.mark.parametrize("form", ["pkl", "joblib", "cbm"])
def test_catboost_labels_in_no_alphabetical_order(
    tmp_path: Path, rows: pd.DataFrame, target: Any, form: str
) -> None:
    words = np.array(WORDS)[np.digitize(target, [-1, 1])]
    model = classifier(class_names=["low", "mid", "high"]).fit(rows, words)
    folder = save(model, tmp_path, form)
    result = predict(load(folder, "multiclass", class_labels=WORDS), rows)
    assert result.columns == ("low", "mid", "high")
    np.testing.assert_array_equal(result.values, model.predict_proba(rows))


@pytest.mark.parametrize("form", ["pkl", "cbm"])
@pytest.mark.parametrize("labels", [("red", "green"), ("1", "0")])
def test_catboost_multilabel(
    tmp_path: Path, rows: pd.DataFrame, target: Any, form: str, labels: tuple[str, str]
) -> None:
    several = np.column_stack((target > 0, target > 2)).astype(int)
    model = classifier(loss_function="MultiLogloss").fit(rows, several)
    result = predict(load(save(model, tmp_path, form), "multilabel", class_labels=labels), rows)
    assert result.columns == (labels if labels[0] == "red" else ("0", "1"))
    np.testing.assert_array_equal(result.values, model.predict_proba(rows))


def test_catboost_regressors_are_refused_for_classes(
    tmp_path: Path, rows: pd.DataFrame, target: Any
) -> None:
    """CatBoost itself would put a sigmoid over the target's own units."""
    folder = save(regressor("catboost").fit(rows, target > 0), tmp_path, "cbm")
    with pytest.raises(ModelLoadError, match="objective 'RMSE', which does not give prob"):
        load(folder, "binary")


def test_catboost_uses_its_best_iteration(tmp_path: Path, rows: pd.DataFrame, target: Any) -> None:
    model = regressor("catboost", use_best_model=True)
    model.fit(rows, target, eval_set=(rows[:80], target[:80][::-1]))
    assert model.tree_count_ < 8
    result = predict(load(save(model, tmp_path, "cbm"), "regression"), rows)
    np.testing.assert_array_equal(result.values[:, 0], model.predict(rows))
