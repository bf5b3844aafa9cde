"""Taxi fares from a table of tariffs: each function below is optional, and called in this order.

`init` and `load_model` run once; the others run for every request, and for `drum score`.
"""

import io
import json
from pathlib import Path

import pandas as pd

from datarobot_drum import CustomHTTPError


def init(code_dir, **kwargs):
    """Before anything else: open connections, fetch files, check the folder."""
    if not (Path(code_dir) / "tariffs.json").exists():
        raise FileNotFoundError("tariffs.json must lie beside custom.py")


def load_model(code_dir):
    """Return the model, any object; without this function an artifact is looked for."""
    return json.loads((Path(code_dir) / "tariffs.json").read_text())


def read_input_data(input_binary_data):
    """Bytes -> frame, for input that is not a plain CSV: here semicolons, and 1,5 for 1.5."""
    return pd.read_csv(io.BytesIO(input_binary_data), sep=";", decimal=",")


def transform(data, model):
    """Frame -> frame, before prediction."""
    unknown = set(data["tariff"]) - set(model)
    if unknown:
        # The client gets this text with status 422.
        raise CustomHTTPError(f"no such tariff: {', '.join(sorted(unknown))}", status_code=422)
    return data.assign(minutes=data["minutes"].fillna(0.0))


def score(data, model, **kwargs):
    """Frame -> predictions. Columns beside `Predictions` are sent as extra model output."""
    start, per_km, per_minute = (
        data["tariff"].map({name: tariff[part] for name, tariff in model.items()})
        for part in ("start", "km", "minute")
    )
    fare = start + per_km * data["km"] + per_minute * data["minutes"]
    return pd.DataFrame({"Predictions": fare, "tariff": data["tariff"]})


def post_process(predictions, model):
    """Predictions -> predictions: the last word. Whole cents, and never below the start price."""
    lowest = min(tariff["start"] for tariff in model.values())
    return predictions.clip(lower=lowest).round(2)
