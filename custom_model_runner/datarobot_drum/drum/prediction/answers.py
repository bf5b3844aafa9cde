"""The operations on rows and raw bodies: decode, call the model, encode; and the jobs of a lane,
answered where they run.
"""

from __future__ import annotations

import contextvars
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from http import HTTPStatus
from typing import Any

from datarobot_drum.drum import logs
from datarobot_drum.drum.enum import CustomHooks, TargetType
from datarobot_drum.drum.exceptions import BodyTooLargeError, PayloadError
from datarobot_drum.drum.model.predictor import ModelInfo, Predictions, Predictor, RowSource
from datarobot_drum.drum.prediction.figures.stats import TimingWindow
from datarobot_drum.drum.prediction.figures.tracing import STREAM_NAME
from datarobot_drum.drum.prediction.lane.batching import Answer, Batcher
from datarobot_drum.drum.prediction.lane.executor import Job, StdoutFlusher
from datarobot_drum.drum.prediction.lane.short_calls import (
    NOT_SHORT,
    Call,
    CallTimes,
    NotShortError,
    current_call,
    size_of,
)
from datarobot_drum.drum.prediction.lane.streams import StreamBody
from datarobot_drum.drum.prediction.messages import PredictRequest, PredictResponse
from datarobot_drum.drum.prediction.operations import Operation
from datarobot_drum.drum.prediction.payload.csv.parts import PartsReader
from datarobot_drum.drum.prediction.payload.decoded import CELL
from datarobot_drum.drum.prediction.payload.pps import DeploymentConfig, pps_json
from datarobot_drum.drum.prediction.payload.predictions_response import (
    TEXT_TYPES,
    as_floats,
    predictions_response,
)
from datarobot_drum.drum.prediction.payload.structured import read_rows, read_transform_rows
from datarobot_drum.drum.prediction.payload.transform_response import transform_response
from datarobot_drum.drum.prediction.payload.unstructured import (
    read_unstructured,
    unstructured_response,
)


class ModelAnswers:
    """What one model answers. Every method may raise what ``Predictor`` methods raise, and
    ``PayloadError`` or ``MalformedRequestError`` for what the client sent.

    Args:
        deployment_config: predictions are answered in the form of a prediction server; None
            for the ordinary form.
        csv_threads: those that may read one large CSV body.
        max_decoded: bytes that the rows of any request may take, and those of a large body more
            (``PredictRequest.most_decoded``); None: no limit.
    """

    def __init__(
        self,
        predictor: Predictor,
        deployment_config: DeploymentConfig | None = None,
        csv_threads: int = 1,
        max_decoded: int | None = None,
    ) -> None:
        self._predictor = predictor
        self._read_csv = PartsReader(csv_threads)
        self._max_decoded = max_decoded
        self._info = predictor.info
        self._deployment_config = deployment_config

    def predict(self, request: PredictRequest) -> PredictResponse:
        frame, source = self.decode(request)
        return self.encode(request, self._predictor.predict(frame, source))

    def decode(self, request: PredictRequest) -> tuple[Any, RowSource]:
        """The rows that a request wants predicted, and where they came from.

        Raises:
            PayloadError: no rows, or this model answers on another route.
            MalformedRequestError: JSON that does not parse.
            BodyTooLargeError: rows that would take more than allowed.
            NotShortError: they are more than may be predicted on an event loop.
        """
        _require_predictions(self._info.target_type)
        call = current_call.get()
        least = self._max_decoded if call is None else call.max_decoded(self._max_decoded)
        limit = request.most_decoded(least)
        try:
            rows, source = read_rows(request, self._predictor, self._read_csv, limit)
        except BodyTooLargeError as error:
            if call is None or least == self._max_decoded:
                raise
            raise call.not_short() from error
        if call is not None:
            call.add(max(len(request.body), rows.size * CELL))
        return rows, source

    def encode(self, request: PredictRequest, predictions: Predictions) -> PredictResponse:
        """Predictions in the format that the request accepts.

        Raises:
            ModelError: values that the format cannot hold.
            PayloadError: the format needs a package that is not there.
        """
        target_type = self._info.target_type
        if self._deployment_config is not None:
            body = pps_json(predictions, target_type, self._deployment_config)
            return PredictResponse(HTTPStatus.OK, body)
        numbers = _as_numbers(predictions, target_type)
        return predictions_response(numbers, target_type, request.accept)

    def transform(self, request: PredictRequest) -> PredictResponse:
        _require_transform(self._info.target_type)
        limit = request.most_decoded(self._max_decoded)
        frame, target, source = read_transform_rows(request, self._predictor, limit)
        return transform_response(self._predictor.transform(frame, target, source), target)

    def unstructured(self, request: PredictRequest) -> PredictResponse:
        _require_unstructured(self._info)
        data, keywords = read_unstructured(request)
        return unstructured_response(self._predictor.predict_unstructured(data, **keywords))


class JobAnswers:
    """Answers jobs on the thread that hands them over, the model's or an event loop's.

    Args:
        operations: what answers a request that comes alone; may raise.
        batcher: answers several predictions; does not raise.
        failed: an error -> the answer that tells of it, in the terms of the operation.
        timing: gets the seconds of each call; None where nobody asks for them.
        times: told what predictions of which size take; None where nobody asks for them.
    """

    def __init__(
        self,
        operations: Mapping[Operation, Answer],
        batcher: Batcher,
        failed: Callable[[Operation, Exception], PredictResponse],
        timing: TimingWindow | None = None,
        times: CallTimes | None = None,
    ) -> None:
        self._operations = operations
        self._batcher = batcher
        self._failed = failed
        self._timing = timing
        self._times = times
        self._flusher = StdoutFlusher()

    def process(self, jobs: list[Job]) -> None:
        """Set ``response`` on each of the jobs; a stream is written to its end."""
        if self._times is None or jobs[0].operation is not Operation.PREDICT:
            self._process(jobs)
        else:
            self._process_measured(jobs, Call(self._times))

    def process_short(self, jobs: list[Job], limit: float) -> None:
        """The same, for predictions; ``NOT_SHORT`` where one turns out not to be.

        Args:
            limit: seconds that they may be expected to take.
        """
        assert self._times is not None
        self._process_measured(jobs, Call(self._times, limit))

    def _process_measured(self, jobs: list[Job], call: Call) -> None:
        started = time.perf_counter()
        token = current_call.set(call)
        try:
            self._process(jobs)
        finally:
            current_call.reset(token)
        call.observe(size_of(jobs), time.perf_counter() - started)

    def _process(self, jobs: list[Job]) -> None:
        alone = self._answer_together(jobs) if len(jobs) > 1 else jobs
        for job in alone:
            context = contextvars.copy_context()
            job.response = context.run(self._answer_alone, job)
            if isinstance(job.response.body, StreamBody):
                context.run(_write_stream, job, job.response.body)
            if job.span is not None and job.response is not NOT_SHORT:
                job.span.end(job.response.status)
        self._flusher.touch()

    def _answer_together(self, jobs: list[Job]) -> list[Job]:
        """Answer the predictions among the jobs in merged calls; returns the others."""
        together = [job for job in jobs if job.operation is Operation.PREDICT]
        started = time.monotonic()
        answers = self._batcher.answer([job.request for job in together])
        for job, answer in zip(together, answers, strict=True):
            job.response = answer
            if job.span is not None and answer is not NOT_SHORT:
                job.span.end(answer.status)
        if self._timing is not None:
            self._timing.add(time.monotonic() - started)
        return [job for job in jobs if job.operation is not Operation.PREDICT]

    def _answer_alone(self, job: Job) -> PredictResponse:
        logs.request_id.set(job.request.request_id)
        started = time.monotonic()
        try:
            if job.span is None:
                return self._call_model(job)
            return job.span.run(partial(self._call_model, job))
        finally:
            if self._timing is not None:
                self._timing.add(time.monotonic() - started)

    def _call_model(self, job: Job) -> PredictResponse:
        try:
            return self._operations[job.operation](job.request)
        except NotShortError:
            return NOT_SHORT
        # Whatever a model or a hook fails of is answered here.
        except Exception as error:
            return self._failed(job.operation, error)


def _write_stream(job: Job, body: StreamBody) -> None:
    job.tell()
    if job.deserted:
        body.close()
    if job.span is None:
        body.run()
    else:
        job.span.run(body.run, child=STREAM_NAME)


def _as_numbers(predictions: Predictions, target_type: TargetType) -> Predictions:
    """The same numbers in every format: float64, except for the types that predict text."""
    if target_type in TEXT_TYPES:
        return predictions
    values = as_floats(predictions.values)
    return predictions if values is predictions.values else replace(predictions, values=values)


def _require_predictions(target_type: TargetType) -> None:
    if target_type is TargetType.UNSTRUCTURED:
        route = "/predictUnstructured/ or /predictionsUnstructured/ endpoint"
    elif target_type is TargetType.TRANSFORM:
        route = "/transform/ endpoint"
    else:
        return
    raise PayloadError(f"This model has target type '{target_type.value}', use the {route}.")


def _require_transform(target_type: TargetType) -> None:
    if target_type is TargetType.TRANSFORM:
        return
    unstructured = target_type is TargetType.UNSTRUCTURED
    route = "/predictUnstructured/" if unstructured else "/predict/"
    # Clients match this text: the member, not its value.
    raise PayloadError(f"This model has target type {target_type}, use the {route} endpoint.")


def _require_unstructured(info: ModelInfo) -> None:
    if info.target_type is TargetType.UNSTRUCTURED:
        return
    # Text generation may be served by something that takes raw bodies too; hooks never do.
    generates = info.target_type is TargetType.TEXT_GENERATION
    if generates and CustomHooks.SCORE_UNSTRUCTURED in info.hooks:
        return
    raise PayloadError(
        f"This model has target type {info.target_type}, "
        "use either /predict/ or /predictions/ endpoint."
    )
