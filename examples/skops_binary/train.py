"""Train on four columns of the breast cancer data and save with skops."""

from pathlib import Path

import skops.io
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

COLUMNS = ["mean radius", "mean texture", "mean concavity", "mean symmetry"]

data = load_breast_cancer(as_frame=True)
diagnosis = data.target.map(dict(enumerate(data.target_names)))
model = make_pipeline(StandardScaler(), LogisticRegression()).fit(data.data[COLUMNS], diagnosis)
skops.io.dump(model, Path(__file__).parent / "model.skops")
print(f"trained on {len(diagnosis)} samples")
