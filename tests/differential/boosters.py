"""Boosted trees: LightGBM, XGBoost and CatBoost, by their estimators and by their own files."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from tests.differential.data import Rng, Table, ascii_categories, categories, mixed, numbers
from tests.differential.formats import is_text
from tests.differential.sklearn_models import GRADE_LABELS, GRADES, ORDINAL, TEN, prepared
from tests.differential.subjects import (
    DUMPS,
    PICKLE,
    Fit,
    Save,
    Subject,
    classification,
    flags_of,
    multilabel,
    regression,
)

# Characters that a framework refuses in a column's name.
BY_LIGHTGBM, BY_XGBOOST, BY_CATBOOST = '",:[]{}', "[]<", ""
MakeTable = Callable[..., Table]


def pair(probabilities: Any) -> Any:
    """Both columns, where a booster gives only the second class's."""
    values = np.asarray(probabilities)
    return np.column_stack([1 - values, values]) if values.ndim == 1 else values


def split(table: Table) -> tuple[Any, Any]:
    """Training rows, and others that say something else: the first trees are the best."""
    half = len(table.frame) // 2
    valid = table.score[half:] * 0.3 - table.score[half:].mean()
    return (table.frame[:half], table.score[:half]), (table.frame[half:], valid)


# -- LightGBM


def small(**more: Any) -> dict[str, Any]:
    return {"n_estimators": 10, "min_child_samples": 5, "num_leaves": 7, "verbose": -1} | more


def lgbm_regression(make: MakeTable, **options: Any) -> Fit:
    def fit(rng: Rng) -> Subject:
        from lightgbm import LGBMRegressor

        table = make(rng, without=BY_LIGHTGBM)
        return regression(
            table, LGBMRegressor(**small(cat_smooth=1.0, min_data_per_group=5)), **options
        )

    return fit


def lgbm_classes(classes: tuple[Any, ...], labels: tuple[str, ...] = ()) -> Fit:
    def fit(rng: Rng) -> Subject:
        from lightgbm import LGBMClassifier

        table = numbers(rng, without=BY_LIGHTGBM, gaps=True)
        return classification(rng, table, LGBMClassifier(**small(n_estimators=5)), classes, labels)

    return fit


def lgbm_early(rng: Rng) -> Subject:
    from lightgbm import LGBMRegressor, early_stopping

    table = numbers(rng, without=BY_LIGHTGBM)
    (rows, target), valid = split(table)
    model = LGBMRegressor(**small(n_estimators=200, learning_rate=0.5))
    model.fit(rows, target, eval_set=[valid], callbacks=[early_stopping(3, verbose=False)])
    assert model.best_iteration_ < 200
    return Subject(table, model, model.predict, "regression")


def lgbm_pipeline(rng: Rng) -> Subject:
    from lightgbm import LGBMRegressor

    table = mixed(rng, without=BY_LIGHTGBM)
    return regression(table, prepared(table, ORDINAL, LGBMRegressor(**small())))


def lgbm_search(rng: Rng) -> Subject:
    from lightgbm import LGBMRegressor

    table = numbers(rng, without=BY_LIGHTGBM, gaps=True)
    return regression(table, GridSearchCV(LGBMRegressor(**small()), {"num_leaves": [3, 7]}, cv=2))


def lgbm_booster(rng: Rng) -> Subject:
    """A booster of its own, which gives the second class's probability."""
    import lightgbm

    table = numbers(rng, without=BY_LIGHTGBM, gaps=True)
    data = lightgbm.Dataset(table.frame, table.classes((0, 1)))
    rules = {"objective": "binary", "min_data_in_leaf": 5, "verbose": -1}
    model = lightgbm.train(rules, data, 10)
    judge = lambda frame: pair(model.predict(frame))  # noqa: E731
    return Subject(table, model, judge, "binary", ("no", "yes"))


def lgbm_multilabel(rng: Rng) -> Subject:
    from lightgbm import LGBMClassifier
    from sklearn.multioutput import MultiOutputClassifier

    table = numbers(rng, without=BY_LIGHTGBM)
    return multilabel(table, MultiOutputClassifier(LGBMClassifier(**small())), ("b", "a"))


def lgbm_text(subject: Subject, folder: Path) -> None:
    booster = getattr(subject.model, "booster_", subject.model)
    booster.save_model(folder / "model.txt")


def lgbm_pickled_booster(subject: Subject, folder: Path) -> None:
    (folder / "model.pkl").write_bytes(pickle.dumps(subject.model.booster_))


LGBM_TEXT: dict[str, Save] = {"txt": lgbm_text}
LIGHTGBM: dict[str, Fit] = {
    "numbers": lgbm_regression(numbers),
    "categories": lgbm_regression(categories),
    "nameless": lgbm_regression(numbers, named=False),
    "grades": lgbm_classes(GRADES, GRADE_LABELS),
    "binary": lgbm_classes((0, 1)),
    "many classes": lgbm_classes(TEN),
    "early": lgbm_early,
    "pipeline": lgbm_pipeline,
    "search": lgbm_search,
    "booster": lgbm_booster,
    "multilabel": lgbm_multilabel,
}
LIGHTGBM_FORMS: dict[str, dict[str, Save]] = {
    "": PICKLE,
    "numbers": DUMPS | LGBM_TEXT | {"booster.pkl": lgbm_pickled_booster},
    "categories": PICKLE | LGBM_TEXT | {"booster.pkl": lgbm_pickled_booster},
    "nameless": PICKLE | LGBM_TEXT,
    "early": PICKLE | LGBM_TEXT,
    "booster": PICKLE | LGBM_TEXT,
}


# -- XGBoost


def xgb_regression(make: MakeTable, options: dict[str, Any] | None = None, **more: Any) -> Fit:
    def fit(rng: Rng) -> Subject:
        from xgboost import XGBRegressor

        table = make(rng, without=BY_XGBOOST)
        model = XGBRegressor(**{"n_estimators": 10, "max_depth": 4, "n_jobs": 1} | (options or {}))
        return regression(table, model, **more)

    return fit


def xgb_classes(classes: tuple[Any, ...], labels: tuple[str, ...] = ()) -> Fit:
    def fit(rng: Rng) -> Subject:
        from xgboost import XGBClassifier

        table = numbers(rng, without=BY_XGBOOST, gaps=True)
        model = XGBClassifier(n_estimators=5, max_depth=3, n_jobs=1)
        found = classification(rng, table, model, classes, labels)
        # Files of XGBoost's own hold no labels: there these stand for the classes by position.
        return Subject(table, model, found.judge, found.target, found.labels)

    return fit


def xgb_early(rng: Rng) -> Subject:
    from xgboost import XGBRegressor

    table = numbers(rng, without=BY_XGBOOST)
    (rows, target), valid = split(table)
    model = XGBRegressor(n_estimators=200, learning_rate=0.5, early_stopping_rounds=3, n_jobs=1)
    model.fit(rows, target, eval_set=[valid], verbose=False)
    assert model.best_iteration < 190
    return Subject(table, model, model.predict, "regression")


def xgb_native_early(rng: Rng) -> Subject:
    """A native booster predicts with all its trees, also those after the best one."""
    import xgboost

    table = numbers(rng, without=BY_XGBOOST)
    (rows, target), valid = split(table)
    model = xgboost.train(
        {"eta": 0.5, "nthread": 1},
        xgboost.DMatrix(rows, target),
        200,
        evals=[(xgboost.DMatrix(*valid), "valid")],
        early_stopping_rounds=3,
        verbose_eval=False,
    )
    return Subject(table, model, lambda frame: model.predict(xgboost.DMatrix(frame)), "regression")


def xgb_pipeline(rng: Rng) -> Subject:
    from xgboost import XGBRegressor

    table = mixed(rng, without=BY_XGBOOST)
    return regression(table, prepared(table, ORDINAL, XGBRegressor(n_estimators=10, n_jobs=1)))


def xgb_search(rng: Rng) -> Subject:
    from xgboost import XGBRegressor

    table = numbers(rng, without=BY_XGBOOST, gaps=True)
    pipeline = make_pipeline(StandardScaler(), XGBRegressor(n_estimators=8, n_jobs=1))
    return regression(table, GridSearchCV(pipeline, {"xgbregressor__max_depth": [2, 4]}, cv=2))


def xgb_multilabel(rng: Rng) -> Subject:
    from xgboost import XGBClassifier

    table = numbers(rng, without=BY_XGBOOST)
    model = XGBClassifier(n_estimators=5, n_jobs=1).fit(table.frame, table.flags(3))
    return Subject(table, model, flags_of(model), "multilabel", ("b", "a", "c"))


def xgb_saved(name: str) -> Save:
    return lambda subject, folder: subject.model.save_model(folder / name)


def xgb_pickled_booster(subject: Subject, folder: Path) -> None:
    (folder / "model.pkl").write_bytes(pickle.dumps(subject.model.get_booster()))


XGB_FILES: dict[str, Save] = {"json": xgb_saved("model.json"), "ubj": xgb_saved("model.ubj")}
XGBOOST: dict[str, Fit] = {
    "numbers": xgb_regression(numbers),
    "categories": xgb_regression(
        ascii_categories, {"enable_categorical": True, "max_cat_to_onehot": 3}
    ),
    "nameless": xgb_regression(numbers, named=False),
    "dart": xgb_regression(numbers, {"booster": "dart", "rate_drop": 0.5}),
    "parallel": xgb_regression(numbers, {"num_parallel_tree": 3, "subsample": 0.7}),
    "binary": xgb_classes((0, 1), ("No", "Yes")),
    "many classes": xgb_classes((0, 1, 2, 3), ("z", "y", "x", "9")),
    "early": xgb_early,
    "native early": xgb_native_early,
    "pipeline": xgb_pipeline,
    "search": xgb_search,
    "multilabel": xgb_multilabel,
}
XGBOOST_FORMS: dict[str, dict[str, Save]] = {
    "": PICKLE,
    "numbers": DUMPS | XGB_FILES | {"booster.pkl": xgb_pickled_booster},
    "categories": PICKLE | XGB_FILES,
    "nameless": PICKLE | XGB_FILES,
    "dart": PICKLE | XGB_FILES,
    "parallel": XGB_FILES,
    "binary": XGB_FILES,
    "many classes": XGB_FILES,
    "early": PICKLE | XGB_FILES,
    "native early": PICKLE | XGB_FILES,
    "multilabel": PICKLE | {"ubj": XGB_FILES["ubj"]},
}


# -- CatBoost


def quiet(**more: Any) -> dict[str, Any]:
    quick = {"iterations": 10, "depth": 3, "thread_count": 1}
    return quick | {"logging_level": "Silent", "allow_writing_files": False} | more


def cat_numbers(rng: Rng) -> Subject:
    from catboost import CatBoostRegressor

    return regression(numbers(rng, gaps=True), CatBoostRegressor(**quiet()))


def cat_nameless(rng: Rng) -> Subject:
    from catboost import CatBoostRegressor

    return regression(numbers(rng, gaps=True), CatBoostRegressor(**quiet()), named=False)


def _texts(frame: pd.DataFrame) -> list[str]:
    return [name for name in frame if is_text(frame[name])]


def cat_codes(rng: Rng) -> Subject:
    from catboost import CatBoostRegressor

    table = mixed(rng, gaps=False)
    return regression(table, CatBoostRegressor(**quiet(cat_features=_texts(table.frame))))


def cat_classes(classes: tuple[Any, ...], labels: tuple[str, ...] = ()) -> Fit:
    def fit(rng: Rng) -> Subject:
        from catboost import CatBoostClassifier

        table = mixed(rng, gaps=False)
        model = CatBoostClassifier(**quiet(cat_features=_texts(table.frame)))
        return classification(rng, table, model, classes, labels)

    return fit


def cat_early(rng: Rng) -> Subject:
    from catboost import CatBoostRegressor

    table = numbers(rng)
    (rows, target), valid = split(table)
    model = CatBoostRegressor(**quiet(iterations=200, learning_rate=0.9, early_stopping_rounds=3))
    model.fit(rows, target, eval_set=valid)
    return Subject(table, model, model.predict, "regression")


CATBOOST: dict[str, Fit] = {
    "numbers": cat_numbers,
    "nameless": cat_nameless,
    "codes": cat_codes,
    "grades": cat_classes(GRADES, GRADE_LABELS),
    "binary": cat_classes(("no", "yes"), ("No", "Yes")),
    "early": cat_early,
}
CATBOOST_FORMS: dict[str, dict[str, Save]] = {"": PICKLE | {"cbm": xgb_saved("model.cbm")}}
