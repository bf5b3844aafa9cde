"""Settings -> a service. The only place that knows every concrete class."""

from __future__ import annotations

from datarobot_drum.drum.logs import get_drum_logger
from datarobot_drum.drum.model.local import build_predictor
from datarobot_drum.drum.prediction.service import (
    FailedService,
    PredictionService,
    Service,
    ServiceSettings,
)
from datarobot_drum.drum.settings import Settings

logger = get_drum_logger(__name__)


def build_service(settings: Settings) -> Service:
    """Load the model and stand a service in front of it.

    With ``--with-error-server`` a model that cannot be loaded becomes a service that
    answers with the reason.

    Raises:
        StartupError: the model cannot be loaded and there is no error server.
    """
    try:
        return load_service(settings)
    except Exception as error:
        if not settings.server.with_error_server:
            raise
        logger.error("%s", error, exc_info=error)
        return FailedService(error)


def load_service(settings: Settings) -> PredictionService:
    server = settings.server
    predictor = build_predictor(settings.model)
    return PredictionService(
        predictor,
        ServiceSettings(
            server_type=server.server_type,
            executor_workers=server.executor_workers or 1,
            queue_depth=server.queue_depth,
            queue_timeout=server.queue_timeout,
            request_timeout=server.request_timeout,
            show_perf=server.show_perf,
        ),
    )
