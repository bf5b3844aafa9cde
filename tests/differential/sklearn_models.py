"""scikit-learn: linear models, trees, pipelines as people write them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    IsolationForest,
    RandomForestClassifier,
    RandomForestRegressor,
    StackingClassifier,
)
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.multioutput import MultiOutputClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler
from sklearn.tree import DecisionTreeClassifier

from tests.differential.data import Rng, Table, categories, mixed, numbers, words
from tests.differential.formats import is_text
from tests.differential.subjects import (
    BLAS,
    DUMPS,
    PICKLE,
    SHORT,
    Fit,
    Save,
    Subject,
    anomaly,
    cases,
    classification,
    multilabel,
    regression,
    transform,
)

GRADES, GRADE_LABELS = ("low", "mid", "high"), ("Low", "Mid", "High")
TEN = tuple(range(3, 13))


def plain(rng: Rng) -> Table:
    return numbers(rng, extreme=False)


def prepared(table: Table, encoder: Any, *last: Any) -> Any:
    """Numbers filled and scaled, texts encoded, in the order that the columns do not have."""
    frame = table.frame
    texts = [name for name in frame if is_text(frame[name])]
    figures = [name for name in frame if not is_text(frame[name])]
    by_kind = ColumnTransformer(
        [
            ("texts", clone(encoder), texts[::-1]),
            ("figures", make_pipeline(SimpleImputer(), StandardScaler()), figures[::-1]),
        ]
    )
    return make_pipeline(by_kind, *last)


IGNORES = OneHotEncoder(handle_unknown="ignore")
DENSE = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
DENSE_RAISES = OneHotEncoder(handle_unknown="error", sparse_output=False)
RAISES = OneHotEncoder(handle_unknown="error")
ORDINAL = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
FILLED = make_pipeline(SimpleImputer(strategy="most_frequent"), IGNORES)


def over_mixed(encoder: Any, last: Any, *, truths: bool = True, **options: Any) -> Fit:
    def fit(rng: Rng) -> Subject:
        table = mixed(rng, truths=truths)
        return regression(table, prepared(table, encoder, clone(last)), **options)

    return fit


def none_is_missing(rng: Rng) -> Subject:
    table = mixed(rng, gap=None, truths=False)
    return regression(table, prepared(table, IGNORES, GradientBoostingRegressor(n_estimators=10)))


def searched(rng: Rng) -> Subject:
    table = mixed(rng)
    pipeline = prepared(table, IGNORES, RandomForestRegressor(n_estimators=8, random_state=0))
    return regression(
        table, GridSearchCV(pipeline, {"randomforestregressor__max_depth": [3, 5]}, cv=2)
    )


def grades(rng: Rng) -> Subject:
    table = mixed(rng)
    model = prepared(table, IGNORES, LogisticRegression(max_iter=300))
    return classification(rng, table, model, GRADES, GRADE_LABELS, tolerance=BLAS)


def many_classes(rng: Rng) -> Subject:
    table = mixed(rng)
    model = prepared(table, ORDINAL, RandomForestClassifier(n_estimators=8, random_state=0))
    return classification(rng, table, model, TEN)


def stacked(rng: Rng) -> Subject:
    table = mixed(rng)
    trees = [("a", DecisionTreeClassifier(max_depth=3)), ("b", DecisionTreeClassifier(max_depth=5))]
    last = StackingClassifier(trees, LogisticRegression(), cv=3)
    return classification(rng, table, prepared(table, FILLED, last), (0, 1), tolerance=BLAS)


def truths(rng: Rng) -> Subject:
    table = plain(rng)
    model = make_pipeline(StandardScaler(), LogisticRegression())
    return classification(rng, table, model, (False, True), tolerance=BLAS)


def sentences(rng: Rng) -> Subject:
    table = words(rng)
    text, number = table.frame.columns
    first = ColumnTransformer(
        [("text", TfidfVectorizer(token_pattern=r"\S+"), text), ("number", "passthrough", [number])]
    )
    model = make_pipeline(first, LogisticRegression())
    return classification(rng, table, model, ("yes", "no"), ("Yes", "No"), tolerance=BLAS)


def histogram(by_name: bool) -> Fit:
    def fit(rng: Rng) -> Subject:
        table = categories(rng)
        kinds = [name for name in table.frame if table.frame[name].dtype == "category"]
        chosen = kinds if by_name else "from_dtype"
        model = HistGradientBoostingRegressor(
            max_iter=10, min_samples_leaf=5, categorical_features=chosen
        )
        return regression(table, model)

    return fit


SUBJECTS: dict[str, Fit] = {
    "linear": lambda rng: regression(plain(rng), LinearRegression(), tolerance=BLAS),
    "forest": lambda rng: regression(
        numbers(rng), RandomForestRegressor(n_estimators=10, random_state=0)
    ),
    "nameless forest": lambda rng: regression(
        numbers(rng), RandomForestRegressor(n_estimators=10, random_state=0), named=False
    ),
    "scaled": lambda rng: regression(
        plain(rng), make_pipeline(StandardScaler(), Ridge()), tolerance=BLAS
    ),
    "gaps": lambda rng: classification(
        rng,
        numbers(rng, gaps=True),
        HistGradientBoostingClassifier(max_iter=5, min_samples_leaf=5),
        GRADES,
        GRADE_LABELS,
    ),
    "one-hot linear": over_mixed(IGNORES, Ridge(), tolerance=BLAS),
    "one-hot boosted": over_mixed(IGNORES, GradientBoostingRegressor(n_estimators=10)),
    "raising": over_mixed(
        RAISES, RandomForestRegressor(n_estimators=10, random_state=0), strict=True
    ),
    # Numbers and texts only, and steps that the server knows well.
    "common linear": over_mixed(DENSE, Ridge(), truths=False, tolerance=BLAS),
    "common trees": over_mixed(
        DENSE, RandomForestRegressor(n_estimators=5, random_state=0), truths=False
    ),
    "common filled": over_mixed(
        make_pipeline(SimpleImputer(strategy="most_frequent"), DENSE),
        Ridge(),
        truths=False,
        tolerance=BLAS,
    ),
    "common raising": over_mixed(DENSE_RAISES, Ridge(), truths=False, tolerance=BLAS, strict=True),
    "ordinal": over_mixed(ORDINAL, HistGradientBoostingRegressor(max_iter=10, min_samples_leaf=5)),
    "none is missing": none_is_missing,
    "search": searched,
    "grades": grades,
    "many classes": many_classes,
    "stack": stacked,
    "truths": truths,
    "sentences": sentences,
    "categories": histogram(by_name=False),
    "categories by name": histogram(by_name=True),
    "multi-output": lambda rng: multilabel(
        plain(rng),
        MultiOutputClassifier(LogisticRegression(max_iter=500)),
        ("Zeta", "alpha", "9"),
        tolerance=BLAS,
    ),
    "multilabel forest": lambda rng: multilabel(
        plain(rng), RandomForestClassifier(n_estimators=10, random_state=0), ("b", "a")
    ),
    "multilabel network": lambda rng: multilabel(
        plain(rng),
        make_pipeline(StandardScaler(), MLPClassifier((4,), max_iter=20, random_state=0)),
        ("b", "a", "c"),
        tolerance=BLAS,
    ),
    "isolation": lambda rng: anomaly(
        numbers(rng), IsolationForest(n_estimators=10, random_state=0)
    ),
    "scaler": lambda rng: transform(plain(rng), StandardScaler(), tolerance=SHORT),
    "preparation": lambda rng: _preparation(mixed(rng)),
}


def _preparation(table: Table) -> Subject:
    return transform(table, prepared(table, ORDINAL))


def trusted(subject: Subject, folder: Path) -> None:
    from skops.io import dump

    dump(subject.model, folder / "model.skops")


SKOPS: dict[str, Save] = {"skops": trusted}
FORMS: dict[str, dict[str, Save]] = {
    "": PICKLE,
    "linear": DUMPS | SKOPS,
    "one-hot boosted": DUMPS,
    "grades": {"joblib.pkl": DUMPS["joblib.pkl"]},
}
CASES = cases("sklearn", SUBJECTS, FORMS)
