"""Train with scikit-learn and convert."""

from pathlib import Path

from skl2onnx import to_onnx
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

iris = load_iris()
rows = iris.data
# The model remembers the names of its classes, and its answers go by them.
model = LogisticRegression(max_iter=1000).fit(rows, iris.target_names[iris.target])
converted = to_onnx(model, rows[:1].astype("float32"), options={"zipmap": False})
(Path(__file__).parent / "model.onnx").write_bytes(converted.SerializeToString())
print(f"trained on {len(rows)} flowers")
