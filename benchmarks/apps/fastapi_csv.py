"""The server that people write by hand: FastAPI, pandas, the model."""

from __future__ import annotations

import io

import artifact
import pandas as pd
from fastapi import FastAPI, Request

app = FastAPI()
model = artifact.load()


@app.post("/predict/")
async def predict(request: Request) -> dict[str, list[float] | list[dict[str, float]]]:
    frame = pd.read_csv(io.BytesIO(await request.body()))
    return {"predictions": artifact.answer(model, frame)}
