"""Train a classifier whose classes are text, as `model-metadata.yaml` spells them."""

import pickle
from pathlib import Path

from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

COLUMNS = ["mean radius", "mean texture", "mean concavity", "mean symmetry"]

data = load_breast_cancer(as_frame=True)
diagnosis = data.target.map(dict(enumerate(data.target_names)))
model = make_pipeline(StandardScaler(), LogisticRegression()).fit(data.data[COLUMNS], diagnosis)
(Path(__file__).parent / "model.pkl").write_bytes(pickle.dumps(model))
print(f"trained on {len(diagnosis)} samples")
