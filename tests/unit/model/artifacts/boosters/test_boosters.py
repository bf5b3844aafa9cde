"""Boosted trees predict what the fitted object does, whatever file and columns it comes with."""

from __future__ import annotations

import pickle
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from datarobot_drum.drum.exceptions import ColumnsError, ModelError, ModelLoadError
from datarobot_drum.drum.model.artifacts.boosters.columns import booster_columns_of
from datarobot_drum.drum.model.columns import UNKNOWN, aligned
from tests.unit.folders import load, predict, write_folder

ROWS = 240
WORDS = ("mid", "low", "high")
KINDS = ("xgboost", "lightgbm", "catboost")
FILES = {"xgboost": ("json", "ubj"), "lightgbm": ("txt",), "catboost": ("cbm",)}
FORMS = [(kind, form) for kind in KINDS for form in ("pkl", "joblib", *FILES[kind])]
QUIET = {"verbose": -1, "min_data_in_leaf": 5, "num_threads": 1}
SILENT = {"iterations": 8, "verbose": False, "allow_writing_files": False, "thread_count": 1}


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    random = np.random.default_rng(7)
    values = random.normal(size=(ROWS, 3)).round(3)
    frame = pd.DataFrame(values, columns=["age", "sepal length", "height"])
    frame.iloc[::9, 1] = np.nan
    return frame


@pytest.fixture(scope="module")
def target(rows: pd.DataFrame) -> Any:
    return (3 * rows["age"] + rows["sepal length"].fillna(5) - 2 * rows["height"]).to_numpy()


@pytest.fixture(scope="module")
def mixed(rows: pd.DataFrame) -> pd.DataFrame:
    """Numbers, and categories that are text, numbers, truth values, and in an order."""
    random = np.random.default_rng(8)
    size = pd.Categorical(
        random.choice(["S", "M", "L"], ROWS), categories=["S", "M", "L"], ordered=True
    )
    return pd.DataFrame(
        {
            "size": size,
            "weight": rows["age"],
            "code": pd.Categorical(random.choice(["12", "07", "A1"], ROWS)),
            "count": random.integers(0, 9, ROWS),
            "zone": pd.Categorical(random.choice([30, 7, 1], ROWS), categories=[30, 1, 7]),
        }
    )


@pytest.fixture(scope="module")
def mixed_target(mixed: pd.DataFrame) -> Any:
    of_code = mixed["code"].astype(object).map({"12": 1, "07": 50, "A1": 9}).astype(float)
    of_zone = mixed["zone"].astype(int) % 11
    return (mixed["weight"] + of_code + of_zone + 20 * mixed["size"].cat.codes).to_numpy()


def regressor(kind: str, **options: Any) -> Any:
    library = pytest.importorskip(kind)
    if kind == "xgboost":
        return library.XGBRegressor(n_estimators=8, n_jobs=1, **options)
    if kind == "lightgbm":
        settings = {"n_estimators": 8, "n_jobs": 1, "verbose": -1, "min_child_samples": 5}
        return library.LGBMRegressor(**settings, **options)
    return library.CatBoostRegressor(**SILENT, **options)


def native(kind: str, estimator: Any) -> Any:
    """The framework's own object inside of what its scikit-learn interface fitted."""
    if kind == "xgboost":
        return estimator.get_booster()
    return estimator.booster_ if kind == "lightgbm" else estimator


def save(model: Any, folder: Path, form: str) -> Path:
    import joblib

    folder.mkdir(exist_ok=True)
    path = folder / f"model.{form}"
    if form == "pkl":
        path.write_bytes(pickle.dumps(model))
    elif form == "joblib":
        joblib.dump(model, path)
    else:
        model.save_model(str(path))
    return folder


def as_read(frame: pd.DataFrame) -> pd.DataFrame:
    """As rows come from a client: no pandas categories, only values."""
    return pd.DataFrame({name: column.tolist() for name, column in frame.items()})


# --- columns -----------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "form"), FORMS)
def test_columns_go_by_name(
    tmp_path: Path, rows: pd.DataFrame, target: Any, kind: str, form: str
) -> None:
    estimator = regressor(kind).fit(rows, target)
    predictor = load(save(native(kind, estimator), tmp_path, form), "regression")
    expected = estimator.predict(rows)
    for names in (["age", "sepal length", "height"], ["height", "age", "sepal length"]):
        values = predict(predictor, rows[names]).values[:, 0]
        np.testing.assert_array_equal(values, expected)
    numbered = rows.set_axis(range(3), axis="columns")
    np.testing.assert_array_equal(predict(predictor, numbered).values[:, 0], expected)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("as_estimator", [True, False])
def test_the_scikit_learn_interface_remembers_the_same_columns(
    rows: pd.DataFrame, target: Any, kind: str, as_estimator: bool
) -> None:
    estimator = regressor(kind)
    assert booster_columns_of(estimator) in (None, UNKNOWN)
    estimator.fit(rows, target)
    columns = booster_columns_of(estimator if as_estimator else native(kind, estimator))
    assert columns is not None
    brought = aligned(rows[["height", "age", "sepal length"]], columns)
    np.testing.assert_array_equal(estimator.predict(brought), estimator.predict(rows))


def test_other_estimators_are_none_of_them(rows: pd.DataFrame, target: Any) -> None:
    from sklearn.linear_model import LinearRegression

    assert booster_columns_of(LinearRegression().fit(rows[["age"]], target)) is None
    assert booster_columns_of("passthrough") is None


@pytest.mark.parametrize("kind", KINDS)
def test_wrong_columns_are_the_clients_mistake(
    tmp_path: Path, rows: pd.DataFrame, target: Any, kind: str
) -> None:
    model = native(kind, regressor(kind).fit(rows, target))
    predictor = load(save(model, tmp_path, "pkl"), "regression")
    with pytest.raises(ColumnsError, match="'height'.*missing.*Did you mean 'height' by 'heigt'"):
        predict(predictor, rows.rename(columns={"height": "heigt"}))
    with pytest.raises(ColumnsError, match="column 'age' of the model is missing"):
        predict(predictor, rows[["height", "sepal length"]])
    extra = rows.assign(other=1.0)[["other", "age", "sepal length", "height"]]
    if kind == "catboost":  # it looks at no column after its own
        values = predict(predictor, extra).values
        np.testing.assert_array_equal(values, predict(predictor, rows).values)
    else:
        with pytest.raises(ColumnsError, match="column 'other' not known to the model"):
            predict(predictor, extra)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("form", ["pkl", "file"])
def test_models_without_names_take_columns_by_position_and_count_them(
    tmp_path: Path, rows: pd.DataFrame, target: Any, kind: str, form: str
) -> None:
    estimator = regressor(kind).fit(rows.to_numpy(), target)
    form = FILES[kind][0] if form == "file" else form
    predictor = load(save(native(kind, estimator), tmp_path, form), "regression")
    expected = estimator.predict(rows.to_numpy())
    np.testing.assert_array_equal(predict(predictor, rows).values[:, 0], expected)
    for wrong, count in ((rows[["age"]], 1), (rows.assign(more=1.0), 4)):
        with pytest.raises(ColumnsError, match=f"takes 3 columns, but the rows have {count}"):
            predict(predictor, wrong)


@pytest.mark.parametrize("kind", KINDS)
def test_numbers_as_names(tmp_path: Path, rows: pd.DataFrame, target: Any, kind: str) -> None:
    named = rows.set_axis([30, 10, 20], axis="columns")
    estimator = regressor(kind).fit(named, target)
    predictor = load(save(native(kind, estimator), tmp_path, "pkl"), "regression")
    asked = named[[10, 20, 30]].rename(columns=str)
    expected = estimator.predict(named)
    np.testing.assert_array_equal(predict(predictor, asked).values[:, 0], expected)


def test_lightgbm_writes_an_underscore_for_a_blank_and_for_nothing_else(
    tmp_path: Path, rows: pd.DataFrame, target: Any
) -> None:
    names = ["é  x", "tab\there", "sepal length"]
    named = rows.set_axis(names, axis="columns")
    estimator = regressor("lightgbm").fit(named, target)
    predictor = load(save(estimator.booster_, tmp_path, "txt"), "regression")
    expected = estimator.predict(named)
    for asked in (named[names[::-1]], named[names[::-1]].rename(columns={"é  x": "é__x"})):
        np.testing.assert_array_equal(predict(predictor, asked).values[:, 0], expected)
    with pytest.raises(ColumnsError, match="tab\there"):
        predict(predictor, named.rename(columns={"tab\there": "tab_here"}))


# --- categories --------------------------------------------------------------------------


def fitted_on_categories(kind: str, mixed: pd.DataFrame, target: Any) -> Any:
    options = {"enable_categorical": True} if kind == "xgboost" else {}
    return regressor(kind, **options).fit(mixed, target)


@pytest.mark.parametrize(("kind", "form"), [f for f in FORMS if f[0] != "catboost"])
def test_pandas_categories_are_known_from_the_model(
    tmp_path: Path, mixed: pd.DataFrame, mixed_target: Any, kind: str, form: str
) -> None:
    estimator = fitted_on_categories(kind, mixed, mixed_target)
    predictor = load(save(native(kind, estimator), tmp_path, form), "regression")
    assert predictor.info.text_columns == {"size", "code"}
    expected = estimator.predict(mixed)
    asked = as_read(mixed)[["zone", "count", "code", "weight", "size"]]
    np.testing.assert_array_equal(predict(predictor, asked).values[:, 0], expected)
    for place in range(12):
        alone = predict(predictor, asked.iloc[[place]]).values[:, 0]
        np.testing.assert_array_equal(alone, expected[[place]])


@pytest.mark.parametrize("kind", ["xgboost", "lightgbm"])
def test_estimators_know_their_categories_too(
    mixed: pd.DataFrame, mixed_target: Any, kind: str
) -> None:
    estimator = fitted_on_categories(kind, mixed, mixed_target)
    columns = booster_columns_of(pickle.loads(pickle.dumps(estimator)))
    assert columns is not None
    brought = aligned(as_read(mixed), columns)
    np.testing.assert_array_equal(estimator.predict(brought), estimator.predict(mixed))


def test_xgboost_categories_are_read_without_arrow_too(
    mixed: pd.DataFrame, mixed_target: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    booster = fitted_on_categories("xgboost", mixed, mixed_target).get_booster()
    with_arrow = booster_columns_of(booster)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    assert booster_columns_of(booster) == with_arrow


@pytest.mark.parametrize("kind", ["xgboost", "lightgbm"])
def test_unseen_categories_are_missing_ones(
    tmp_path: Path, mixed: pd.DataFrame, mixed_target: Any, kind: str
) -> None:
    """XGBoost 3.2 itself takes the next one in the alphabet, or refuses."""
    estimator = fitted_on_categories(kind, mixed, mixed_target)
    predictor = load(save(native(kind, estimator), tmp_path, "pkl"), "regression")
    gaps = mixed.head(4).copy()
    gaps["code"] = gaps["code"].cat.set_categories([]).cat.set_categories(["07", "12", "A1"])
    gaps["zone"] = gaps["zone"].cat.set_categories([]).cat.set_categories([30, 1, 7])
    expected = estimator.predict(gaps)
    for code, zone in (("B", 8), ("000", -1), ("~", 10**6), (None, None)):
        asked = as_read(mixed.head(4)).assign(code=code, zone=zone)
        np.testing.assert_array_equal(predict(predictor, asked).values[:, 0], expected)


def test_lightgbm_tells_categories_from_whole_numbers_that_were_split_by_category(
    tmp_path: Path, mixed: pd.DataFrame, mixed_target: Any
) -> None:
    estimator = regressor("lightgbm")
    estimator.fit(mixed, mixed_target, categorical_feature=["count", "code"])
    predictor = load(save(estimator.booster_, tmp_path, "txt"), "regression")
    values = predict(predictor, as_read(mixed)).values[:, 0]
    np.testing.assert_array_equal(values, estimator.predict(mixed))


def test_lightgbm_refuses_where_the_file_does_not_tell_the_categories(
    tmp_path: Path, mixed: pd.DataFrame, mixed_target: Any
) -> None:
    """Ordered categories are split as numbers: a column of 0, 1, 2 looks the same."""
    twins = mixed.assign(count=mixed["count"] % 3)[["size", "count", "weight"]]
    estimator = regressor("lightgbm").fit(twins, mixed_target)
    predictor = load(save(estimator.booster_, tmp_path, "txt"), "regression")
    with pytest.raises(ModelError, match="does not tell which columns are its 1 pandas categor"):
        predict(predictor, as_read(twins))
    values = predict(predictor, twins).values[:, 0]
    np.testing.assert_array_equal(values, estimator.predict(twins))


def test_xgboost_keeps_no_categories_beyond_ascii_and_says_so(tmp_path: Path) -> None:
    xgboost = pytest.importorskip("xgboost")
    rows = pd.DataFrame({"a": np.arange(90.0), "city": pd.Categorical(["石家庄", "哈尔滨"] * 45)})
    data = xgboost.DMatrix(rows, rows["a"], enable_categorical=True)
    booster = xgboost.train({}, data, num_boost_round=2)
    predictor = load(save(booster, tmp_path, "json"), "regression")
    with pytest.raises(ModelError, match="does not keep the categories of column 'city'"):
        predict(predictor, as_read(rows))


@pytest.mark.parametrize("form", ["pkl", "joblib", "cbm"])
def test_catboost_takes_categories_as_text_and_whole_numbers(
    tmp_path: Path, mixed: pd.DataFrame, mixed_target: Any, form: str
) -> None:
    frame = as_read(mixed).assign(
        flag=mixed["count"] > 4, words=mixed["count"].map(lambda n: "good bad ugly"[n:])
    )
    estimator = regressor(
        "catboost", cat_features=["code", "zone", "size", "flag"], text_features=["words"]
    ).fit(frame, mixed_target)
    predictor = load(save(estimator, tmp_path, form), "regression")
    assert predictor.info.text_columns == {"code", "zone", "size", "flag", "words"}
    expected = estimator.predict(frame)
    as_text = frame.astype({"zone": str, "flag": str})
    for asked in (frame, as_text, as_text[sorted(frame)], frame.astype({"code": "category"})):
        np.testing.assert_array_equal(predict(predictor, asked).values[:, 0], expected)


# --- as their makers meant ---------------------------------------------------------------


def stopped_early(cls: Any, rows: pd.DataFrame, target: Any, **options: Any) -> Any:
    random = np.random.default_rng(3)
    noisy = target[:80] + random.normal(size=80) if target.dtype.kind == "f" else target[:80]
    model = cls(n_estimators=120, early_stopping_rounds=5, **options)
    return model.fit(rows, target, eval_set=[(rows[:80][::-1], noisy)], verbose=False)


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
    labels = {"positive_class_label": "0", "negative_class_label": "1"}
    turned = predict(load(folder, "binary", **labels), rows)
    assert turned.columns == ("0", "1")
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


def classifier(**options: Any) -> Any:
    catboost = pytest.importorskip("catboost")
    return catboost.CatBoostClassifier(**SILENT, **options)


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


# --- rows of several requests ------------------------------------------------------------


def linear_trees(rows: Any, target: Any) -> Any:
    lightgbm = pytest.importorskip("lightgbm")
    options = {"objective": "regression", "linear_tree": True, **QUIET}
    return lightgbm.train(options, lightgbm.Dataset(rows, target), num_boost_round=20)


def of_xgboost(**options: Any) -> Callable[[Any, Any], Any]:
    return lambda rows, target: regressor("xgboost", **options).fit(rows, target).get_booster()


MERGED: dict[str, Callable[[Any, Any], Any]] = {
    "xgboost dart": of_xgboost(booster="dart", rate_drop=0.3),
    "xgboost linear": of_xgboost(booster="gblinear"),
    "xgboost trees": of_xgboost(),
    "lightgbm linear trees": linear_trees,
    "lightgbm": lambda rows, target: regressor("lightgbm").fit(rows, target).booster_,
    "catboost": lambda rows, target: regressor("catboost").fit(rows, target),
}


@pytest.mark.parametrize("train", MERGED.values(), ids=MERGED)
def test_rows_in_company_get_the_same_bits(
    tmp_path: Path, rows: pd.DataFrame, target: Any, train: Callable[[Any, Any], Any]
) -> None:
    whole = rows.fillna(0.0)
    predictor = load(save(train(whole, target), tmp_path, "pkl"), "regression")
    assert predictor.info.batchable
    together = predict(predictor, whole).values
    for size in (1, 2, 7, 65):
        parts = [
            predict(predictor, whole[i : i + size]).values
            for i in range(0, min(20 * size, 130), size)
        ]
        alone = np.concatenate(parts)
        np.testing.assert_array_equal(alone, together[: len(alone)])


def test_xgboost_file_of_dart_in_company(tmp_path: Path, rows: pd.DataFrame, target: Any) -> None:
    model = regressor("xgboost", booster="dart", rate_drop=0.3).fit(rows, target)
    predictor = load(save(model, tmp_path, "ubj"), "regression")
    alone = [predict(predictor, rows[i : i + 1]).values[0, 0] for i in range(40)]
    np.testing.assert_array_equal(alone, model.predict(rows)[:40])


@pytest.mark.parametrize("kind", ["xgboost", "lightgbm", "catboost"])
def test_text_in_a_column_of_numbers_is_the_clients_mistake(tmp_path: Path, kind: str) -> None:
    library = pytest.importorskip(kind)
    make = {"xgboost": "XGBRegressor", "lightgbm": "LGBMRegressor", "catboost": "CatBoostRegressor"}
    options = {"verbose": 0, "allow_writing_files": False} if kind == "catboost" else {}
    rows = pd.DataFrame(np.random.default_rng(2).normal(0, 1, (40, 2)), columns=["a", "b"])
    model = getattr(library, make[kind])(n_estimators=3, **options).fit(rows, rows["a"])
    predictor = load(write_folder(tmp_path, model_pkl=model), "regression")
    with pytest.raises(ColumnsError, match="Column 'b' holds what is no number"):
        predict(predictor, rows.astype({"b": object}).assign(b="secret"))


@pytest.mark.parametrize("kind", ["xgboost", "lightgbm", "catboost"])
def test_numbers_that_came_as_objects_are_numbers(tmp_path: Path, kind: str) -> None:
    library = pytest.importorskip(kind)
    make = {"xgboost": "XGBRegressor", "lightgbm": "LGBMRegressor", "catboost": "CatBoostRegressor"}
    options = {"verbose": 0, "allow_writing_files": False} if kind == "catboost" else {}
    rows = pd.DataFrame(np.random.default_rng(2).normal(0, 1, (40, 2)), columns=["a", "b"])
    model = getattr(library, make[kind])(n_estimators=3, **options).fit(rows, rows["a"])
    predictor = load(write_folder(tmp_path, model_pkl=model), "regression")
    plain = pd.DataFrame({"a": [1.5, -1.0, np.nan], "b": [float(2**63), -1.0, 1.0]})
    odd = pd.DataFrame({"a": ["1.5", -1, None], "b": [2**63, -1, True]}, dtype=object)
    np.testing.assert_array_equal(predict(predictor, odd).values, predict(predictor, plain).values)


@pytest.mark.parametrize("kind", ["xgboost", "lightgbm"])
def test_a_list_is_no_category(tmp_path: Path, kind: str) -> None:
    library = pytest.importorskip(kind)
    make = {"xgboost": "XGBRegressor", "lightgbm": "LGBMRegressor"}
    options = {"enable_categorical": True} if kind == "xgboost" else {"verbose": -1}
    rows = pd.DataFrame({"t": pd.Categorical(["x", "y"] * 20), "v": np.arange(40.0)})
    model = getattr(library, make[kind])(n_estimators=3, **options).fit(rows, rows["v"])
    predictor = load(write_folder(tmp_path, model_pkl=model), "regression")
    with pytest.raises(ColumnsError, match="Column 't' holds what is no category"):
        predict(predictor, pd.DataFrame({"t": [["x"]], "v": [1.0]}))
