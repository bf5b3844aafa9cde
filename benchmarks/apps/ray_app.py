"""One Ray Serve replica that reads CSV."""

import io
import os
import time
from typing import Any

import artifact
import pandas as pd
import ray
from ray import serve
from starlette.requests import Request


@serve.deployment(max_ongoing_requests=64)
class Model:
    def __init__(self) -> None:
        self.model = artifact.load()

    async def __call__(self, request: Request) -> dict[str, Any]:
        frame = pd.read_csv(io.BytesIO(await request.body()))
        return {"predictions": artifact.answer(self.model, frame)}


if __name__ == "__main__":
    ray.init(num_cpus=4, include_dashboard=False, log_to_driver=False)
    serve.start(
        http_options={"host": "127.0.0.1", "port": int(os.environ["BENCH_PORT"])},
        logging_config={"log_level": "ERROR", "enable_access_log": False},
    )
    serve.run(Model.bind(), route_prefix="/predict", blocking=False)
    while True:
        time.sleep(1)
