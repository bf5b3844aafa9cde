"""The smallest model there can be: it answers with the mean of each row."""

import pandas as pd


def load_model(code_dir):
    return "mean"


def score(data, model, **kwargs):
    return pd.DataFrame({"Predictions": data.mean(axis=1, numeric_only=True)})
