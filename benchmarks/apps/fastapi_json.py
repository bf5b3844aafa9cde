"""The same with JSON records, checked by pydantic."""

from typing import Any

import artifact
import pandas as pd
from fastapi import FastAPI
from pydantic import BaseModel, create_model

app = FastAPI()
model = artifact.load()
cell = (float, ...) if artifact.METHOD == "predict" else (float | str | None, None)
fields: dict[str, Any] = dict.fromkeys(map(str, model.feature_names_in_), cell)
Row = create_model("Row", **fields)


class Rows(BaseModel):
    rows: list[Row]  # type: ignore[valid-type]


@app.post("/predict/")
def predict(body: Rows) -> dict[str, Any]:
    frame = pd.DataFrame([row.model_dump() for row in body.rows])  # type: ignore[attr-defined]
    return {"predictions": artifact.answer(model, frame)}
