"""The same model in one process without a server: parse, predict, encode, again and again.

What is left between this and a server is what the server costs. Prints one JSON object.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

from models import MODELS, Model

from datarobot_drum.drum.enum import TargetType
from datarobot_drum.drum.model.local import build_predictor
from datarobot_drum.drum.prediction.messages import PredictRequest
from datarobot_drum.drum.prediction.payload.predictions_response import predictions_json
from datarobot_drum.drum.prediction.payload.structured import read_rows
from datarobot_drum.drum.settings import ModelSettings


def answerer(model: Model, folder: Path, body: bytes) -> Callable[[], bytes]:
    """A function that turns the body into the answer's body."""
    target_type = TargetType(model.target_type)
    settings = ModelSettings(
        code_dir=str(folder), target_type=target_type, class_labels=model.classes or None
    )
    predictor = build_predictor(settings)
    request = PredictRequest(body=body, content_type="text/csv")

    def answer() -> bytes:
        frame, source = read_rows(request, predictor)
        return predictions_json(predictor.predict(frame, source), target_type)

    return answer


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", choices=MODELS)
    parser.add_argument("folder", type=Path)
    parser.add_argument("body", type=Path, help="file with the request's body")
    parser.add_argument("expected", type=Path, help="file with the answer's body")
    parser.add_argument("--seconds", type=float, default=2.0)
    given = parser.parse_args()
    answer = answerer(MODELS[given.model], given.folder, given.body.read_bytes())
    expected = given.expected.read_bytes()
    started = time.perf_counter()
    for _ in range(20):
        answer()
        if time.perf_counter() - started > given.seconds:
            break
    answers = wrong = 0
    cpu, started = time.process_time(), time.perf_counter()
    while time.perf_counter() - started < given.seconds:
        wrong += answer() != expected
        answers += 1
    seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
    json.dump({"answers": answers, "wrong": wrong, "seconds": seconds, "cpu": cpu}, sys.stdout)


if __name__ == "__main__":
    main()
