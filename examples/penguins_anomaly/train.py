"""Learn what penguins usually measure."""

import pickle
from pathlib import Path

from palmerpenguins import load_penguins
from sklearn.ensemble import IsolationForest
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline

COLUMNS = ["bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g"]

penguins = load_penguins()[COLUMNS]
model = make_pipeline(SimpleImputer(), IsolationForest(random_state=7)).fit(penguins)
(Path(__file__).parent / "model.pkl").write_bytes(pickle.dumps(model))
print(f"trained on {len(penguins)} penguins")
