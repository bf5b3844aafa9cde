"""A LitServe API: JSON with columns and data; `BENCH_BATCH` is the largest batch."""

import os
from typing import Any

import artifact
import litserve
import pandas as pd

BATCH = int(os.environ.get("BENCH_BATCH", "1"))


class Model(litserve.LitAPI):
    def setup(self, device: str) -> None:
        self.model = artifact.load()

    def decode_request(self, request: dict[str, Any]) -> pd.DataFrame:
        return pd.DataFrame(request["data"], columns=request["columns"])

    def batch(self, inputs: list[pd.DataFrame]) -> tuple[pd.DataFrame, list[int]]:
        return pd.concat(inputs, ignore_index=True), [len(frame) for frame in inputs]

    def predict(self, rows: Any) -> Any:
        if BATCH == 1:
            return artifact.answer(self.model, rows)
        frame, counts = rows
        answers = artifact.answer(self.model, frame)
        return [[answers.pop(0) for _ in range(count)] for count in counts]

    def unbatch(self, output: Any) -> Any:
        return output

    def encode_response(self, output: Any) -> dict[str, Any]:
        return {"predictions": output}


if __name__ == "__main__":
    api = Model(max_batch_size=BATCH, batch_timeout=0.005 if BATCH > 1 else 0.0)
    server = litserve.LitServer(api, accelerator="cpu", timeout=120)
    server.run(
        host="127.0.0.1",
        port=int(os.environ["BENCH_PORT"]),
        log_level="error",
        generate_client_file=False,
    )
