"""Train with scikit-learn and convert."""

from pathlib import Path

from skl2onnx import to_onnx
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

rows, target = load_iris(return_X_y=True)
model = LogisticRegression(max_iter=1000).fit(rows, target)
converted = to_onnx(model, rows[:1].astype("float32"), options={"zipmap": False})
(Path(__file__).parent / "model.onnx").write_bytes(converted.SerializeToString())
print(f"trained on {len(rows)} flowers")
