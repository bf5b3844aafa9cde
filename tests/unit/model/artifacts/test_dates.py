"""Columns whose categories are dates: a CSV and a JSON can only send them as text."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, TargetEncoder

from datarobot_drum.drum.exceptions import ColumnsError
from tests.unit.folders import load, predict, write_folder

DAYS = [f"2024-01-0{day}" for day in (1, 2, 3, 4)] * 10
TEXTS = pd.DataFrame({"day": DAYS, "size": np.arange(40.0) % 7})
TARGET = pd.Series([10.0 * int(day[-1]) for day in DAYS])

ENCODERS = {
    "one-hot": OneHotEncoder(handle_unknown="ignore"),
    "ordinal": OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1),
    "target": TargetEncoder(cv=3),
}
KINDS: dict[str, Any] = {
    "moments": pd.to_datetime,
    "nanoseconds": lambda texts: pd.to_datetime(texts).astype("datetime64[ns]"),
    "days": lambda texts: texts.map(datetime.date.fromisoformat),
}


def pipeline(encoder: Any) -> Any:
    first = make_column_transformer((encoder, ["day"]), remainder="passthrough")
    return make_pipeline(first, LinearRegression())


@pytest.mark.parametrize("kind", list(KINDS))
@pytest.mark.parametrize("name", list(ENCODERS))
def test_text_in_the_place_of_a_date_is_that_date(tmp_path: Path, name: str, kind: str) -> None:
    rows = TEXTS.assign(day=KINDS[kind](TEXTS["day"]))
    model = pipeline(ENCODERS[name]).fit(rows, TARGET)
    served = load(write_folder(tmp_path, model_pkl=model), "regression")
    wanted = model.predict(rows.head(5))
    for sent in (TEXTS.head(5), rows.head(5)):
        assert np.array_equal(predict(served, sent).values[:, 0], wanted)
    with_time = TEXTS.head(5).assign(day=TEXTS["day"].head(5) + "T00:00:00")
    assert np.array_equal(predict(served, with_time).values[:, 0], wanted)


def test_histograms_know_dates_as_categories(tmp_path: Path) -> None:
    dates = pd.to_datetime(TEXTS["day"])
    model = HistGradientBoostingRegressor(categorical_features="from_dtype", min_samples_leaf=2)
    model.fit(TEXTS.assign(day=dates.astype("category")), TARGET)
    served = load(write_folder(tmp_path, model_pkl=model), "regression")
    wanted = model.predict(TEXTS.head(5).assign(day=dates.head(5).astype(dates.dtype)))
    assert np.array_equal(predict(served, TEXTS.head(5)).values[:, 0], wanted)


def test_dates_with_a_zone(tmp_path: Path) -> None:
    rows = TEXTS.assign(day=pd.to_datetime(TEXTS["day"]).dt.tz_localize("Europe/Berlin"))
    model = pipeline(OneHotEncoder(handle_unknown="ignore")).fit(rows, TARGET)
    served = load(write_folder(tmp_path, model_pkl=model), "regression")
    sent = TEXTS.head(5).assign(day=TEXTS["day"].head(5) + "T00:00:00+01:00")
    wanted = model.predict(rows.head(5))
    assert np.array_equal(predict(served, sent).values[:, 0], wanted)
    with pytest.raises(ColumnsError, match="takes dates such as"):
        predict(served, TEXTS.head(5))


@pytest.mark.parametrize(
    "value", ["01/31/2024", "soon", 20240101, 7.5, True, "2024-01-01T00:00:00Z", ["2024-01-01"]]
)
def test_what_is_no_date_is_refused(tmp_path: Path, value: Any) -> None:
    """No category is near it, so that the answer would be the one for an unknown day."""
    rows = TEXTS.assign(day=pd.to_datetime(TEXTS["day"]))
    model = pipeline(OneHotEncoder(handle_unknown="ignore")).fit(rows, TARGET)
    served = load(write_folder(tmp_path, model_pkl=model), "regression")
    sent = TEXTS.head(2).assign(day=["2024-01-01", value])
    with pytest.raises(ColumnsError, match=r"Column 'day' holds .* in row 2, but the model takes"):
        predict(served, sent)


def test_gaps_and_days_that_the_model_has_not_seen_stay_with_it(tmp_path: Path) -> None:
    rows = TEXTS.assign(day=pd.to_datetime(TEXTS["day"]))
    model = pipeline(OneHotEncoder(handle_unknown="ignore")).fit(rows, TARGET)
    served = load(write_folder(tmp_path, model_pkl=model), "regression")
    sent = TEXTS.head(3).assign(day=["2024-01-01", None, "2031-05-05"])
    wanted = model.predict(sent.assign(day=pd.to_datetime(sent["day"])))
    assert np.array_equal(predict(served, sent).values[:, 0], wanted)
    only_gaps = sent.iloc[1:2].assign(day=[np.nan])
    assert np.array_equal(predict(served, only_gaps).values[:, 0], wanted[1:2])


class Parsing(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Code of the user's, which knows another form of dates."""

    def fit(self, rows: Any, target: Any = None) -> Any:
        self.feature_names_in_ = np.array(rows.columns, dtype=object)
        return self

    def transform(self, rows: Any) -> Any:
        return rows.assign(day=pd.to_datetime(rows["day"], format="%d/%m/%Y"))


def test_dates_that_code_of_the_users_makes_are_its_own(tmp_path: Path) -> None:
    rows = TEXTS.assign(day=pd.to_datetime(TEXTS["day"]).dt.strftime("%d/%m/%Y"))
    model = make_pipeline(Parsing(), *[step for _, step in pipeline(OneHotEncoder()).steps])
    model.fit(rows, TARGET)
    served = load(write_folder(tmp_path, model_pkl=model), "regression")
    assert np.array_equal(predict(served, rows.head(5)).values[:, 0], model.predict(rows.head(5)))
