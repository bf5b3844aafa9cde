"""What every request means, decided once: no web framework, no sockets.

A front calls ``answer`` (from a thread) or ``answer_async`` (from an event loop). Status
operations are answered on the spot and never touch the model; the others go through the
executor's queue. Neither method raises.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from functools import partial
from http import HTTPStatus
from typing import Final, Protocol

from datarobot_drum.drum import logs, telemetry
from datarobot_drum.drum.enum import ServerType, TargetType
from datarobot_drum.drum.exceptions import (
    ClientGoneError,
    DrumException,
    OverloadedError,
    PredictionTimeoutError,
)
from datarobot_drum.drum.knobs.predicting import ServiceSettings
from datarobot_drum.drum.model.predictor import Predictor
from datarobot_drum.drum.prediction.answers import JobAnswers, ModelAnswers
from datarobot_drum.drum.prediction.chat.completions import Chat
from datarobot_drum.drum.prediction.errors import client_text, error_response, log_failure
from datarobot_drum.drum.prediction.figures.metrics import MeasuredPredictor, Metrics, RejectReason
from datarobot_drum.drum.prediction.figures.stats import TimingWindow
from datarobot_drum.drum.prediction.figures.status import import_libraries, status_pages
from datarobot_drum.drum.prediction.figures.tracing import model_attributes, open_span
from datarobot_drum.drum.prediction.introduction import Introduction, introduce
from datarobot_drum.drum.prediction.lane.batching import Answer, Batcher
from datarobot_drum.drum.prediction.lane.executor import Job, ModelExecutor
from datarobot_drum.drum.prediction.lane.short_calls import (
    NOT_SHORT,
    CallTimes,
    NotShortError,
    ShortCalls,
)
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
    """What a front sees. The launcher sets ``is_draining`` when this process is told to end:
    whether the whole server does; and ``in_flight`` where it knows how many requests have arrived
    and have no answer yet.

    Attributes:
        has_model: False where all that it answers is why there is none.
    """

    has_model: bool
    is_draining: Callable[[], bool]
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

    def introduce(self) -> Introduction | None:
        """What the server says of its model when it starts; None when there is none."""

    def warm_up(self) -> None:
        """Do what only a process's first request has to do. In the process that serves: it may
        start threads, which no fork survives.
        """

    def end_streams(self) -> None:
        """Streams that still run end with an error event: the server's time is nearly up."""

    def close(self) -> None: ...


def nobody_knows() -> int:
    """For a front that does not count."""
    return 0


class PredictionService:
    """A loaded model, answering requests."""

    has_model = True

    def __init__(
        self,
        predictor: Predictor,
        settings: ServiceSettings,
        deployment_config: DeploymentConfig | None = None,
    ) -> None:
        self.is_draining: Callable[[], bool] = lambda: False
        self.in_flight: Callable[[], int] = nobody_knows
        self.metrics = Metrics()
        unmeasured, predictor = predictor, MeasuredPredictor(predictor, self.metrics)
        self._predictor = predictor
        self._settings = settings
        self._timeouts = Timeouts(settings.queue_timeout, settings.request_timeout)
        self._timing = TimingWindow()
        self._model = model_attributes(predictor.info)
        answers = ModelAnswers(
            predictor, deployment_config, settings.csv_threads or 1, settings.max_decoded
        )
        known = predictor.info.own_code
        known_model = unmeasured if known else None
        self._warm_up = partial(warm_up, answers, predictor.info, known_model)
        self._introduce = partial(introduce, answers, predictor.info, known_model)
        self._chat = Chat(predictor, describe_failure, settings.llm_id)
        self._open_inference = OpenInference(
            predictor, lambda: not self.is_draining(), self._can_work, settings.max_decoded
        )
        self._times = CallTimes()
        has_short_calls = (
            settings.server_type is ServerType.FASTAPI and settings.short_call > 0 and known
        )
        jobs = JobAnswers(
            self._operations(answers),
            Batcher(
                predictor, answers.decode, answers.encode, _error_or_later, settings.batch_rows
            ),
            failure_response,
            timing=self._timing if settings.show_perf else None,
            times=self._times if has_short_calls else None,
        )
        self._executor = self._new_lane(jobs, settings.model_workers, self._batch_limit)
        # A stream keeps its thread until it has ended; predictions do not wait behind it.
        self._chat_executor = self._new_lane(jobs, settings.chat_workers)
        self._short_calls = self._new_short_calls(jobs) if has_short_calls else None
        self._status = status_pages(
            predictor.info,
            settings.server_type,
            self.metrics,
            self._timing,
            {"queue_limit": settings.queue_depth, "workers": settings.model_workers},
            lambda: self.is_draining(),
            self._can_work,
        )

    def _operations(self, answers: ModelAnswers) -> Mapping[Operation, Answer]:
        return {
            Operation.PREDICT: answers.predict,
            Operation.TRANSFORM: answers.transform,
            Operation.PREDICT_UNSTRUCTURED: answers.unstructured,
            Operation.CHAT: self._chat.complete,
            Operation.MODELS: lambda _request: self._chat.models(),
            Operation.V2_INFER: self._open_inference.infer,
        }

    def _new_lane(self, jobs: JobAnswers, workers: int, batch_limit: int = 1) -> ModelExecutor:
        return ModelExecutor(
            jobs.process,
            workers,
            self._settings.queue_depth,
            batch_limit,
            self.metrics.levels,
            self.metrics.deserted,
        )

    def _new_short_calls(self, jobs: JobAnswers) -> ShortCalls:
        return ShortCalls(
            self._executor,
            jobs.process_short,
            self._times,
            self._settings.short_call,
            self._batch_limit,
            lambda: self.in_flight(),
        )

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
            try:
                return await asyncio.to_thread(self.answer, operation, request)
            except RuntimeError as error:
                # The system has no thread for it.
                return error_response(error)
        job = Job(operation, request)
        if self._short_calls is not None and operation is Operation.PREDICT:
            if telemetry.State.tracer is not None:
                job.span = open_span(operation, request, self._model)
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
        self._lane(job.operation).desert(job)
        if job.span is not None:
            job.span.end(int(error.status))
        return self._rejected(job, _GIVEN_UP[type(error)], error)

    def _rejected(self, job: Job, reason: RejectReason, error: DrumException) -> PredictResponse:
        self.metrics.rejected(reason)
        return failure_response(job.operation, error)

    def introduce(self) -> Introduction:
        return self._introduce()

    def warm_up(self) -> None:
        import_libraries()
        self._warm_up()
        self._executor.start()

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
        if job.span is None and telemetry.State.tracer is not None:
            job.span = open_span(job.operation, job.request, self._model)
        try:
            early = self._queue(job)
        # Whatever a page fails of, or a look into other processes, is answered here.
        except Exception as error:
            early = failure_response(job.operation, error)
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

    def _can_work(self) -> bool:
        return self._executor.can_work() and self._chat_executor.can_work()

    def _lane(self, operation: Operation) -> ModelExecutor:
        chats = operation in (Operation.CHAT, Operation.MODELS)
        return self._chat_executor if chats else self._executor


def failure_response(operation: Operation, error: Exception) -> PredictResponse:
    """What a client gets, in the terms of the protocol that it speaks."""
    response = error_response(error)
    if operation in open_inference.OPERATIONS:
        return open_inference.as_protocol_error(response)
    return response


def _error_or_later(error: BaseException) -> PredictResponse:
    return NOT_SHORT if isinstance(error, NotShortError) else error_response(error)


def describe_failure(error: BaseException) -> str:
    """The text of an error that comes when the answer has begun already; logs it too."""
    log_failure(error, HTTPStatus.INTERNAL_SERVER_ERROR, str(error), "A stream failed: ")
    return client_text(error)


def _response_of(job: Job) -> PredictResponse:
    if job.response is None:
        return error_response(DrumException("The request could not be answered."))
    return job.response
