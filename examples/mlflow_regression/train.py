"""Train on the diabetes data and let MLflow save the model into this folder."""

import shutil
import tempfile
from pathlib import Path

import mlflow.sklearn
from sklearn.datasets import load_diabetes
from sklearn.linear_model import Ridge

rows, target = load_diabetes(return_X_y=True, as_frame=True, scaled=False)
model = Ridge().fit(rows, target)
with tempfile.TemporaryDirectory() as empty:
    saved = Path(empty) / "model"
    mlflow.sklearn.save_model(model, saved, pip_requirements=["scikit-learn"])
    shutil.copytree(saved, Path(__file__).parent, dirs_exist_ok=True)
print(f"trained on {len(rows)} rows")
