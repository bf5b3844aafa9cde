"""Save an artifact as an MLflow model. Arguments: the artifact's file and the new folder."""

import os
import pickle
import sys

import mlflow

with open(sys.argv[1], "rb") as file:
    model = pickle.load(file)
mlflow.sklearn.save_model(
    model,
    sys.argv[2],
    serialization_format="pickle",
    pyfunc_predict_fn=os.environ["BENCH_METHOD"],
    pip_requirements=[],
)
