"""Train on the diabetes data and save in XGBoost's own format."""

from pathlib import Path

from sklearn.datasets import load_diabetes
from xgboost import XGBRegressor

rows, target = load_diabetes(return_X_y=True, as_frame=True, scaled=False)
model = XGBRegressor(n_estimators=50, max_depth=3, n_jobs=1).fit(rows, target)
model.save_model(Path(__file__).parent / "model.json")
print(f"trained on {len(rows)} rows")
