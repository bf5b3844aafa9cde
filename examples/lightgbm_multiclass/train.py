"""Train on the iris data and save in LightGBM's own format."""

from pathlib import Path

from lightgbm import LGBMClassifier
from sklearn.datasets import load_iris

rows, target = load_iris(return_X_y=True, as_frame=True)
model = LGBMClassifier(n_estimators=20, n_jobs=1, verbose=-1).fit(rows, target)
model.booster_.save_model(Path(__file__).parent / "model.txt")
print(f"trained on {len(rows)} flowers")
