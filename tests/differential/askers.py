"""Ways to ask: the loaded model itself, the applications, server processes, `drum score`."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from email import message_from_bytes
from email.policy import HTTP
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from datarobot_drum.drum.command_line.arguments import parse
from datarobot_drum.drum.knobs.predicting import ServiceSettings
from datarobot_drum.drum.model.local import LocalPredictor, build_predictor
from datarobot_drum.drum.prediction.messages import PredictRequest
from datarobot_drum.drum.prediction.operations import Operation
from datarobot_drum.drum.prediction.service import PredictionService
from datarobot_drum.drum.scoring.score_file import score_file
from datarobot_drum.drum.settings import ScoreSettings, Settings
from tests.contract.clients import Answer, Calls, Headers
from tests.contract.folders import Folder
from tests.differential.formats import PREDICT, Format, Sent

Columns = dict[str, Any]


def loaded(folder: Folder) -> LocalPredictor:
    """The folder's model, fresh."""
    argv = ["server", "--code-dir", str(folder.path), "--address", "127.0.0.1:0", *folder.args]
    options = parse(argv, {})
    return build_predictor(Settings.from_options(options).model)


class ServiceClient(Calls):
    """The service that every server stands in front of."""

    def __init__(self, service: PredictionService) -> None:
        self._service = service

    def call(
        self,
        method: str,
        path: str,
        *,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        lower = {name.lower(): value for name, value in (headers or {}).items()}
        operation = {"predict": Operation.PREDICT, "transform": Operation.TRANSFORM}.get(
            path.strip("/"), Operation.V2_INFER
        )
        names = {} if operation is not Operation.V2_INFER else {"name": path.split("/")[3]}
        request = PredictRequest(body, lower["content-type"], lower, path_params=names)
        found = self._service.answer(operation, request)
        lines = [("content-type", found.content_type), *found.headers]
        return Answer(found.status, Headers(lines), bytes(found.body))


@contextmanager
def cold(folder: Folder) -> Iterator[Calls]:
    """A client of a model that nobody has asked yet."""
    service = PredictionService(loaded(folder), ServiceSettings())
    try:
        yield ServiceClient(service)
    finally:
        service.close()


def ask(client: Calls, folder: Folder, sent: Sent) -> Answer:
    """Send a request to the route that it is for."""
    transforms = "transform" in folder.args
    path = "/transform/" if transforms else "/predict/"
    if sent.route != PREDICT:
        path = f"/v2/models/{folder.path.name}/infer"
    return client.post(path, sent.body, sent.content_type, sent.headers)


def score(folder: Folder, form: Format, sent: Sent, work: Path) -> bytes:
    """What `drum score` writes for these rows; raises what ends it."""
    assert form.extension is not None
    rows, names = work / f"rows{form.extension}", work / "names.txt"
    body = sent.body
    if sent.colnames is not None:
        body = read_part(body, sent.content_type, "X")
        names.write_bytes(sent.colnames)
    rows.write_bytes(body)
    settings = ScoreSettings(
        str(rows), sparse_column_file=None if sent.colnames is None else str(names)
    )
    written = io.BytesIO()
    score_file(loaded(folder), settings)(written)
    return written.getvalue()


# -- what was answered


def columns_of(answer: Answer) -> Columns:
    """The answer as columns of float64, whatever its form."""
    kind = answer.headers["content-type"]
    if kind.startswith("multipart/"):
        return _transformed(answer.body, kind)
    content = json.loads(answer.body)
    if "outputs" in content:
        return {each["name"]: _floats(each["data"]) for each in content["outputs"]}
    rows = content["predictions"]
    if not isinstance(rows[0], dict):
        return {"Predictions": _floats(rows)}
    return {name: _floats([row[name] for row in rows]) for name in rows[0]}


def csv_columns(text: bytes) -> Columns:
    frame = pd.read_csv(io.BytesIO(text), float_precision="round_trip")
    return {str(name): frame[name].to_numpy(dtype=np.float64) for name in frame}


def _transformed(body: bytes, content_type: str) -> Columns:
    rows = read_part(body, content_type, "X.transformed")
    if not rows.startswith(b"%%MatrixMarket"):
        return csv_columns(rows)
    from scipy.io import mmread

    names = read_part(body, content_type, "X.colnames").decode().split("\n")
    return dict(zip(names, np.asarray(mmread(io.BytesIO(rows)).toarray()).T, strict=True))


def read_part(body: bytes, content_type: str, name: str) -> bytes:
    head = f"Content-Type: {content_type}\r\n\r\n".encode()
    form = message_from_bytes(head + body, policy=HTTP)
    for part in form.iter_parts():
        if part.get_param("name", header="content-disposition") == name:
            return bytes(part.get_payload(decode=True))
    raise AssertionError(f"no part {name}")


def _floats(values: list[Any]) -> Any:
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)
