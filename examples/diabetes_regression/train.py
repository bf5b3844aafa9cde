"""Train a linear model on scikit-learn's diabetes data and save it beside this file.

Ten numeric columns, 442 patients; the target is a measure of the disease one year later.
Needs: scikit-learn.
"""

import pickle
from pathlib import Path

from sklearn.datasets import load_diabetes
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

FOLDER = Path(__file__).parent


def main(folder: Path = FOLDER) -> None:
    patients, target = load_diabetes(return_X_y=True, as_frame=True)
    train, test, train_target, test_target = train_test_split(patients, target, random_state=0)
    model = make_pipeline(StandardScaler(), LinearRegression()).fit(train, train_target)
    with open(folder / "model.pkl", "wb") as file:
        pickle.dump(model, file)
    print(f"trained on {len(train)} patients; R2 on others: {model.score(test, test_target):.2f}")


if __name__ == "__main__":
    main()
