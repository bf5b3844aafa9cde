"""Fit what prepares penguins: gaps are filled, numbers scaled, words become columns."""

import pickle
from pathlib import Path

from palmerpenguins import load_penguins
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

NUMBERS = ["bill_length_mm", "body_mass_g"]

penguins = load_penguins()
prepare = make_column_transformer(
    (make_pipeline(SimpleImputer(), StandardScaler()), NUMBERS),
    (OneHotEncoder(handle_unknown="ignore", sparse_output=False), ["island"]),
    verbose_feature_names_out=False,
).set_output(transform="pandas")
prepare.fit(penguins[[*NUMBERS, "island"]])
(Path(__file__).parent / "model.pkl").write_bytes(pickle.dumps(prepare))
print(f"fitted on {len(penguins)} penguins")
