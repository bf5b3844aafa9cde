"""What one prediction costs in CPU without a server: our way, and the barest arithmetic.

A program of its own, so that nothing which watches the tests (coverage above all) is measured
too. `python cpu_loops.py FOLDER ROWS` writes `ready`, then for each line `NAME REPEATS` that it
reads the CPU seconds a call.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

import joblib
import numpy as np
import orjson
import pandas as pd
from sklearn.datasets import load_diabetes

from datarobot_drum.drum.enum import TargetType
from datarobot_drum.drum.model.local import build_predictor
from datarobot_drum.drum.prediction.messages import PredictRequest
from datarobot_drum.drum.prediction.payload.predictions_response import predictions_json
from datarobot_drum.drum.prediction.payload.structured import read_rows
from datarobot_drum.drum.settings import ModelSettings

# A model is given arrays only after the first calls have shown that it may be.
WARM_UP = 10


def body_of(count: int) -> bytes:
    rows, _ = load_diabetes(return_X_y=True, as_frame=True)
    return pd.concat([rows] * 3).head(count).to_csv(index=False).encode()


def our_way(folder: Path, body: bytes) -> Callable[[], bytes]:
    settings = ModelSettings(code_dir=str(folder), target_type=TargetType.REGRESSION)
    predictor = build_predictor(settings)
    request = PredictRequest(body=body, content_type="text/csv")

    def answer() -> bytes:
        frame, source = read_rows(request, predictor)
        return predictions_json(predictor.predict(frame, source), TargetType.REGRESSION)

    return answer


def bare_way(folder: Path, body: bytes) -> Callable[[], bytes]:
    """Split, multiply, write: what nobody can do without, and no question asked."""
    scaler, linear = (step for _name, step in joblib.load(folder / "model.pkl").steps)
    width = len(linear.coef_)

    def answer() -> bytes:
        cells = body.partition(b"\n")[2].rstrip(b"\n").replace(b"\n", b",")
        rows = np.array(orjson.loads(b"[%b]" % cells)).reshape(-1, width)
        values = (rows - scaler.mean_) / scaler.scale_ @ linear.coef_ + linear.intercept_
        return orjson.dumps({"predictions": values.tolist()})

    return answer


def main() -> None:
    folder, body = Path(sys.argv[1]), body_of(int(sys.argv[2]))
    ways = {"ours": our_way(folder, body), "bare": bare_way(folder, body)}
    answers = {name: [way() for _ in range(WARM_UP)][-1] for name, way in ways.items()}
    ours, bare = (orjson.loads(answer)["predictions"] for answer in answers.values())
    np.testing.assert_allclose(ours, bare, rtol=1e-12)
    print("ready", flush=True)
    for line in sys.stdin:
        name, repeats = line.split()
        started = time.process_time()
        for _ in range(int(repeats)):
            ways[name]()
        print((time.process_time() - started) / int(repeats), flush=True)


if __name__ == "__main__":
    main()
