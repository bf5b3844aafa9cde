"""What every request means, decided once: no web framework, no sockets.

A front calls ``answer`` (from a thread) or ``answer_async`` (from an event loop). Status
operations are answered on the spot and never touch the model; the others go through the
executor's queue. Neither method raises.
"""

from __future__ import annotations

import asyncio
import contextvars
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final, Protocol, TypeVar

from datarobot_drum.drum import logs
from datarobot_drum.drum.enum import RunLanguage, ServerType, TargetType
from datarobot_drum.drum.exceptions import (
    ClientGoneError,
    DrumException,
    OverloadedError,
    PredictionTimeoutError,
)
from datarobot_drum.drum.model.predictor import ModelInfo, Predictor
from datarobot_drum.drum.prediction.answers import ModelAnswers
from datarobot_drum.drum.prediction.chat.completions import Chat
from datarobot_drum.drum.prediction.errors import client_text, error_response
from datarobot_drum.drum.prediction.figures.measured import MeasuredPredictor
from datarobot_drum.drum.prediction.figures.metrics import Metrics, RejectReason
from datarobot_drum.drum.prediction.figures.stats import TimingWindow
from datarobot_drum.drum.prediction.figures.status import status_pages
from datarobot_drum.drum.prediction.figures.tracing import STREAM_NAME, open_span
from datarobot_drum.drum.prediction.lane.batching import Batcher
from datarobot_drum.drum.prediction.lane.executor import Job, ModelExecutor
from datarobot_drum.drum.prediction.lane.flushing import StdoutFlusher
from datarobot_drum.drum.prediction.lane.short_calls import CallTimes, ShortCalls, size_of
from datarobot_drum.drum.prediction.lane.streams import StreamBody
from datarobot_drum.drum.prediction.lane.waiting import (
    Disconnected,
    IsGone,
    LoopWait,
    ThreadWait,
    Timeouts,
)
from datarobot_drum.drum.prediction.messages import PredictRequest, PredictResponse
from datarobot_drum.drum.prediction.open_inference import protocol as open_inference
from datarobot_drum.drum.prediction.open_inference.protocol import OpenInference
from datarobot_drum.drum.prediction.operations import Operation
from datarobot_drum.drum.prediction.payload.pps import DeploymentConfig
from datarobot_drum.drum.prediction.warm_up import warm_up

logger = logs.get_drum_logger(__name__)

Answer = TypeVar("Answer")

# A call that takes longer than this factor times the request timeout, and these seconds, is
# taken for one that never ends: the worker gives way to another.
STUCK_FACTOR: Final = 2
STUCK_MARGIN: Final = 5.0
# They look into files and other processes: too long for an event loop.
_SLOW_STATUS: Final = frozenset({Operation.METRICS, Operation.STATS})
_GIVEN_UP: Final = {
    ClientGoneError: RejectReason.CLIENT_GONE,
    OverloadedError: RejectReason.QUEUE_TIMEOUT,
    PredictionTimeoutError: RejectReason.REQUEST_TIMEOUT,
}


class Service(Protocol):
    """What a front sees. The launcher sets ``draining`` when the server is told to end, and
    ``in_flight`` where it knows how many requests have arrived and have no answer yet.
    """

    draining: bool
    metrics: Metrics
    in_flight: Callable[[], int]

    @property
    def is_stuck(self) -> bool:
        """The model has not come back from a call whose caller was given up long ago."""

    def answer(
        self, operation: Operation, request: PredictRequest, is_gone: IsGone | None = None
    ) -> PredictResponse: ...

    async def answer_async(
        self,
        operation: Operation,
        request: PredictRequest,
        disconnected: Disconnected | None = None,
    ) -> PredictResponse: ...

    def end_streams(self) -> None:
        """Streams that still run end with an error event: the server's time is nearly up."""

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class ServiceSettings:
    """The part of the server's settings that the service acts on. Times in seconds.

    ``batching`` None: where the model is known to give the same answers. ``short_call``: the
    longest prediction that may be made on an event loop; 0.0: none.
    """

    server_type: ServerType = ServerType.FLASK
    executor_workers: int = 1
    chat_workers: int = 4
    queue_depth: int = 128
    queue_timeout: float | None = None
    request_timeout: float | None = None
    show_perf: bool = False
    batching: bool | None = None
    batch_requests: int = 64
    batch_rows: int = 10_000
    short_call: float = 0.0
    csv_threads: int = 1


def nobody_knows() -> int:
    """For a front that does not count."""
    return 0


class PredictionService:
    """A loaded model, answering requests."""

    def __init__(
        self,
        predictor: Predictor,
        settings: ServiceSettings,
        deployment_config: DeploymentConfig | None = None,
    ) -> None:
        self.draining = False
        self.in_flight: Callable[[], int] = nobody_knows
        self.metrics = Metrics()
        self._flusher = StdoutFlusher()
        predictor = MeasuredPredictor(predictor, self.metrics)
        self._predictor = predictor
        self._settings = settings
        self._timeouts = Timeouts(settings.queue_timeout, settings.request_timeout)
        self._timing = TimingWindow()
        answers = ModelAnswers(predictor, deployment_config, settings.csv_threads)
        warm_up(answers, predictor.info)
        self._batcher = Batcher(
            predictor,
            answers.decode,
            answers.encode,
            error_response,
            settings.batch_rows,
        )
        self._executor = ModelExecutor(
            self._process,
            settings.executor_workers,
            settings.queue_depth,
            self._batch_limit,
            changed=self.metrics.levels,
        )
        self._times = CallTimes()
        self._short_calls = (
            ShortCalls(
                self._executor,
                self._process,
                self._times,
                settings.short_call,
                self._batch_limit,
                lambda: self.in_flight(),
            )
            if settings.short_call and _is_known_code(predictor.info)
            else None
        )
        # A stream keeps its thread until it has ended; predictions do not wait behind it.
        self._chat = Chat(predictor, describe_failure)
        self._chat_executor = ModelExecutor(
            self._process,
            settings.chat_workers,
            settings.queue_depth,
            changed=self.metrics.levels,
        )
        self._open_inference = OpenInference(predictor, lambda: not self.draining)
        self._status = status_pages(
            predictor.info,
            settings.server_type,
            self.metrics,
            self._timing,
            {"queue_limit": settings.queue_depth, "workers": settings.executor_workers},
            lambda: self.draining,
        )
        self._model: Mapping[Operation, Callable[[PredictRequest], PredictResponse]] = {
            Operation.PREDICT: answers.predict,
            Operation.TRANSFORM: answers.transform,
            Operation.PREDICT_UNSTRUCTURED: answers.unstructured,
            Operation.CHAT: self._chat.complete,
            Operation.MODELS: lambda _request: self._chat.models(),
            Operation.V2_INFER: self._open_inference.infer,
        }

    @property
    def _batch_limit(self) -> int:
        """How many requests may share a call of the model; 1 turns merging off."""
        info, batching = self._predictor.info, self._settings.batching
        wanted = info.batchable if batching is None else batching
        alone = info.target_type in (TargetType.UNSTRUCTURED, TargetType.TRANSFORM)
        return self._settings.batch_requests if wanted and not alone else 1

    # -- the way in

    def answer(
        self, operation: Operation, request: PredictRequest, is_gone: IsGone | None = None
    ) -> PredictResponse:
        """Answer on the calling thread; waits until the model has run.

        Args:
            is_gone: tells whether the client has gone away: the job is given up then.
        """
        wait = ThreadWait(self._lane(operation), self._timeouts, is_gone)
        job = Job(operation, request, wait.wake)
        early = self._start(job)
        if early is not None:
            return early
        late = wait.until_answered(job)
        return _response_of(job) if late is None else self._give_up(job, late)

    async def answer_async(
        self,
        operation: Operation,
        request: PredictRequest,
        disconnected: Disconnected | None = None,
    ) -> PredictResponse:
        """Answer without blocking the event loop that calls.

        Args:
            disconnected: returns when the client has gone away: the job is given up then.
        """
        if operation in _SLOW_STATUS:
            return await asyncio.to_thread(self.answer, operation, request)
        job = Job(operation, request)
        if self._short_calls is not None and operation is Operation.PREDICT:
            job.span = open_span(operation, request)
            if await self._short_calls.answer(job):
                return _response_of(job)
        wait = LoopWait(self._lane(operation), self._timeouts, disconnected)
        job.done = wait.wake_threadsafe
        early = self._start(job)
        if early is not None:
            return early
        try:
            late = await wait.until_answered(job)
        except asyncio.CancelledError:
            self._give_up(job, ClientGoneError("The request was cancelled."))
            raise
        return _response_of(job) if late is None else self._give_up(job, late)

    def _give_up(self, job: Job, error: DrumException) -> PredictResponse:
        _desert(self._lane(job.operation), job)
        if job.span is not None:
            job.span.end(int(error.status))
        return self._rejected(job, _GIVEN_UP[type(error)], error)

    def _rejected(self, job: Job, reason: RejectReason, error: DrumException) -> PredictResponse:
        self.metrics.rejected(reason)
        return _failure(job.operation, error)

    def end_streams(self) -> None:
        self._chat.end_streams()

    def close(self) -> None:
        self._executor.close()
        self._chat_executor.close()
        self._chat.close()
        self._predictor.close()
        self.metrics.close()

    def _start(self, job: Job) -> PredictResponse | None:
        """Answer at once what needs no model; queue the rest."""
        if job.span is None:
            job.span = open_span(job.operation, job.request)
        early = _or_failure(self._queue, job)
        if early is not None and job.span is not None:
            job.span.end(early.status)
        return early

    def _queue(self, job: Job) -> PredictResponse | None:
        status = self._status.get(job.operation)
        if status is not None:
            return status()
        described = self._open_inference.status.get(job.operation)
        if described is not None:
            return described(job.request)
        try:
            self._lane(job.operation).submit(job)
        except OverloadedError as error:
            return self._rejected(job, RejectReason.QUEUE_FULL, error)
        return None

    @property
    def is_stuck(self) -> bool:
        limit = self._settings.request_timeout
        if limit is None:
            return False
        longest = max(self._executor.longest_wait(), self._chat_executor.longest_wait())
        return longest > STUCK_FACTOR * limit + STUCK_MARGIN

    def _lane(self, operation: Operation) -> ModelExecutor:
        chats = operation in (Operation.CHAT, Operation.MODELS)
        return self._chat_executor if chats else self._executor

    # -- on the model's thread

    def _process(self, jobs: list[Job]) -> None:
        started = time.perf_counter()
        alone = self._answer_together(jobs) if len(jobs) > 1 else jobs
        for job in alone:
            context = contextvars.copy_context()
            job.response = context.run(self._answer_one, job)
            if isinstance(job.response.body, StreamBody):
                context.run(_write_stream, job, job.response.body)
            if job.span is not None:
                job.span.end(job.response.status)
        if self._short_calls is not None and jobs[0].operation is Operation.PREDICT:
            self._times.observe(size_of(jobs), time.perf_counter() - started)
        self._flusher.touch()

    def _answer_together(self, jobs: list[Job]) -> list[Job]:
        """Answer the predictions among the jobs in merged calls; returns the others."""
        together = [job for job in jobs if job.operation is Operation.PREDICT]
        started = time.monotonic()
        answers = self._batcher.answer([job.request for job in together])
        for job, answer in zip(together, answers, strict=True):
            job.response = answer
            if job.span is not None:
                job.span.end(answer.status)
        if self._settings.show_perf:
            self._timing.add(time.monotonic() - started)
        return [job for job in jobs if job.operation is not Operation.PREDICT]

    def _answer_one(self, job: Job) -> PredictResponse:
        logs.request_id.set(job.request.request_id)
        started = time.monotonic()
        try:
            if job.span is None:
                return _or_failure(self._call_model, job)
            return job.span.run(partial(_or_failure, self._call_model, job))
        finally:
            if self._settings.show_perf:
                self._timing.add(time.monotonic() - started)

    def _call_model(self, job: Job) -> PredictResponse:
        return self._model[job.operation](job.request)


def _is_known_code(info: ModelInfo) -> bool:
    """A framework predicts, and no code of the user's that might wait for something, or want an
    event loop for itself: a class of the user's own does not count as a framework.
    """
    return info.framework not in (None, RunLanguage.PYTHON.value) and not info.hooks


def _or_failure(answer: Callable[[Job], Answer], job: Job) -> Answer | PredictResponse:
    try:
        return answer(job)
    # Whatever a model, a hook or a look into other processes fails of is answered here.
    except Exception as error:
        return _failure(job.operation, error)


def _failure(operation: Operation, error: Exception) -> PredictResponse:
    response = error_response(error)
    if operation in open_inference.OPERATIONS:
        return open_inference.as_protocol_error(response)
    return response


def describe_failure(error: BaseException) -> str:
    """The text of an error that comes when the answer has begun already; logs it too."""
    logger.error("A stream failed: %s", error, exc_info=error)
    return client_text(error)


def _write_stream(job: Job, body: StreamBody) -> None:
    job.tell()
    if job.deserted:
        body.close()
    if job.span is None:
        body.run()
    else:
        job.span.run(body.run, child=STREAM_NAME)


def _desert(lane: ModelExecutor, job: Job) -> None:
    """Nobody will read the answer: a job that waits is taken out of its lane, and a stream
    that has come or will come is stopped.
    """
    lane.abandon(job)
    job.deserted = True
    if job.response is not None and job.response.close is not None:
        job.response.close()


def _response_of(job: Job) -> PredictResponse:
    if job.response is None:
        return error_response(DrumException("The request could not be answered."))
    return job.response
