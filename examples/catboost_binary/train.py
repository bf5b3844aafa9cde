"""Train on four columns of the breast cancer data and save in CatBoost's own format."""

from pathlib import Path

from catboost import CatBoostClassifier
from sklearn.datasets import load_breast_cancer

COLUMNS = ["mean radius", "mean texture", "mean concavity", "mean symmetry"]

data = load_breast_cancer(as_frame=True)
diagnosis = data.target.map(dict(enumerate(data.target_names)))
model = CatBoostClassifier(iterations=50, thread_count=1, verbose=False, allow_writing_files=False)
model.fit(data.data[COLUMNS], diagnosis)
model.save_model(str(Path(__file__).parent / "model.cbm"))
print(f"trained on {len(diagnosis)} samples")
