"""Train a small pipeline on the Palmer penguins and save it beside this file.

The data has what real tables have: numbers, text categories, and missing values in both.
Needs: scikit-learn, palmerpenguins.
"""

import pickle
from pathlib import Path

from palmerpenguins import load_penguins
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

FOLDER = Path(__file__).parent
NUMBERS = ["bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g"]
CATEGORIES = ["island", "sex"]


def build() -> Pipeline:
    numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    categories = OneHotEncoder(handle_unknown="ignore")
    columns = make_column_transformer((numbers, NUMBERS), (categories, CATEGORIES))
    return make_pipeline(columns, LogisticRegression(max_iter=1000))


def main(folder: Path = FOLDER) -> None:
    penguins = load_penguins()
    train, test = train_test_split(penguins, test_size=0.25, random_state=7)
    features = NUMBERS + CATEGORIES
    model = build().fit(train[features], train["species"])
    with open(folder / "model.pkl", "wb") as file:
        pickle.dump(model, file)
    accuracy = model.score(test[features], test["species"])
    print(f"trained on {len(train)} penguins; accuracy on {len(test)} others: {accuracy:.3f}")


if __name__ == "__main__":
    main()
