"""The error server's service: a model that could not be loaded, and why."""

from __future__ import annotations

from collections.abc import Callable

from datarobot_drum.drum import masking
from datarobot_drum.drum.exceptions import STARTUP_FAILED_STATUS, NotReadyError
from datarobot_drum.drum.prediction.errors import client_text
from datarobot_drum.drum.prediction.figures.metrics import Metrics
from datarobot_drum.drum.prediction.figures.status import OK
from datarobot_drum.drum.prediction.lane.waiting import Disconnected, IsGone
from datarobot_drum.drum.prediction.messages import PredictRequest, PredictResponse
from datarobot_drum.drum.prediction.open_inference import protocol as open_inference
from datarobot_drum.drum.prediction.operations import Operation
from datarobot_drum.drum.prediction.payload.small_json import small_json
from datarobot_drum.drum.prediction.service import nobody_knows


class FailedService:
    """Answers every operation with the reason why the model could not be loaded."""

    has_model = False
    is_stuck = False

    def __init__(self, error: BaseException) -> None:
        self.is_draining: Callable[[], bool] = lambda: False
        self.in_flight = nobody_knows
        self.metrics = Metrics()
        text = masking.without_internals(masking.masked(str(error)))
        self._response = PredictResponse(
            STARTUP_FAILED_STATUS, small_json({"message": f"ERROR: {text}"})
        )
        not_ready = small_json({"message": client_text(NotReadyError(str(error)))})
        self._not_ready = PredictResponse(NotReadyError.status, not_ready)

    def answer(
        self, operation: Operation, request: PredictRequest, is_gone: IsGone | None = None
    ) -> PredictResponse:
        if operation is Operation.LIVEZ:
            return OK
        if operation in open_inference.OPERATIONS:
            return self._answer_v2(operation)
        return self._not_ready if operation is Operation.READYZ else self._response

    def _answer_v2(self, operation: Operation) -> PredictResponse:
        if operation is Operation.V2_LIVE:
            return open_inference.live(True)
        if operation is Operation.V2_READY:
            return open_inference.ready(False)
        return open_inference.as_protocol_error(self._response)

    async def answer_async(
        self,
        operation: Operation,
        request: PredictRequest,
        disconnected: Disconnected | None = None,
    ) -> PredictResponse:
        return self.answer(operation, request)

    def introduce(self) -> None:
        pass

    def warm_up(self) -> None:
        pass

    def end_streams(self) -> None:
        pass

    def close(self) -> None:
        pass
