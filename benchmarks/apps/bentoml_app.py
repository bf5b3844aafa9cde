"""A BentoML service with a DataFrame as input."""

from typing import Annotated, Any

import artifact
import bentoml
import numpy as np
import pandas as pd

MODEL = artifact.load()
COLUMNS = list(map(str, MODEL.feature_names_in_))
Frame = Annotated[pd.DataFrame, bentoml.validators.DataframeSchema(columns=COLUMNS)]


@bentoml.service(workers=1, traffic={"timeout": 120})
class Model:
    @bentoml.api(route="/predict")
    def predict(self, rows: Frame) -> np.ndarray:
        result: Any = getattr(MODEL, artifact.METHOD)(rows)
        return result
