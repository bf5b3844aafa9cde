"""The error server's service: a model that could not be loaded, and why."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from datarobot_drum.drum.exceptions import STARTUP_FAILED_STATUS, NotReadyError
from datarobot_drum.drum.masking import for_client
from datarobot_drum.drum.prediction.figures.metrics import Metrics
from datarobot_drum.drum.prediction.figures.status import OK
from datarobot_drum.drum.prediction.lane.waiting import Disconnected, IsGone
from datarobot_drum.drum.prediction.messages import PredictRequest, PredictResponse
from datarobot_drum.drum.prediction.open_inference import protocol as open_inference
from datarobot_drum.drum.prediction.operations import Operation
from datarobot_drum.drum.prediction.payload.small_json import small_json
from datarobot_drum.drum.prediction.service import nobody_knows

# All that those learn who ask an open route, and have no token where one is needed.
NOT_LOADED: Final = "The model is not loaded."
_OPEN: Final = frozenset({Operation.PING, Operation.HEALTH, Operation.READYZ})


class FailedService:
    """Answers every operation with the reason why the model could not be loaded.

    Args:
        is_told: whether who asks may know the reason; asked about operations that are open to
            everybody.
    """

    has_model = False
    is_stuck = False

    def __init__(
        self,
        error: BaseException,
        is_told: Callable[[PredictRequest], bool] = lambda request: True,
    ) -> None:
        self.is_draining: Callable[[], bool] = lambda: False
        self.in_flight = nobody_knows
        self.metrics = Metrics()
        self._is_told = is_told
        # Cleaned when it is asked for: what is secret may become known later.
        self._reason = str(error)

    def answer(
        self, operation: Operation, request: PredictRequest, is_gone: IsGone | None = None
    ) -> PredictResponse:
        if operation is Operation.LIVEZ:
            return OK
        if operation in open_inference.OPERATIONS:
            return self._answer_v2(operation)
        is_told = operation not in _OPEN or self._is_told(request)
        text = self._reason if is_told else NOT_LOADED
        return _response(text, operation is Operation.READYZ)

    def _answer_v2(self, operation: Operation) -> PredictResponse:
        if operation is Operation.V2_LIVE:
            return open_inference.live(True)
        if operation is Operation.V2_READY:
            return open_inference.ready(False)
        return open_inference.as_protocol_error(_response(self._reason))

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


def _response(reason: str, is_readiness: bool = False) -> PredictResponse:
    status = NotReadyError.status if is_readiness else STARTUP_FAILED_STATUS
    return PredictResponse(status, small_json({"message": f"ERROR: {for_client(reason)}"}))
