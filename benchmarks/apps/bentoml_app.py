"""A BentoML service with a DataFrame as input; batchable when BENCH_BATCHABLE is set."""

import os
from typing import Annotated, Any

import artifact
import bentoml
import numpy as np
import pandas as pd

BATCHABLE = bool(os.environ.get("BENCH_BATCHABLE"))
MODEL = artifact.load()
COLUMNS = list(map(str, MODEL.feature_names_in_))
Frame = Annotated[pd.DataFrame, bentoml.validators.DataframeSchema(columns=COLUMNS)]


@bentoml.service(workers=1, traffic={"timeout": 120})
class Model:
    @bentoml.api(batchable=BATCHABLE, max_latency_ms=10_000, route="/predict")
    def predict(self, rows: Frame) -> np.ndarray:
        result: Any = getattr(MODEL, artifact.METHOD)(rows)
        return result
