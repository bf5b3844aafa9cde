"""Settings -> a served application. The only place that knows every concrete class."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TypeVar

from datarobot_drum.drum import telemetry
from datarobot_drum.drum.exceptions import SettingError
from datarobot_drum.drum.extension import extend
from datarobot_drum.drum.logs import get_drum_logger
from datarobot_drum.drum.model.local import build_predictor
from datarobot_drum.drum.prediction.failed import FailedService
from datarobot_drum.drum.prediction.payload.pps import load_deployment_config
from datarobot_drum.drum.prediction.service import PredictionService, Service
from datarobot_drum.drum.serving import collector
from datarobot_drum.drum.serving.gate import Gate
from datarobot_drum.drum.settings import Settings
from datarobot_drum.drum.utils.event_loops import give_event_loop
from datarobot_drum.drum.utils.failures import failure_text

logger = get_drum_logger(__name__)

App = TypeVar("App")
Result = TypeVar("Result")


def load_app(
    settings: Settings,
    create_app: Callable[[Service, Settings], App],
    extension: str,
    service: Service | None = None,
) -> tuple[App, Service]:
    """Everything that a process serves with, as ``build_app`` returns it.

    Args:
        service: loaded already; None: load it here.

    Raises:
        StartupError: the model cannot be loaded and there is no error server.
        SettingError: telemetry cannot be set up so and there is no error server.
    """
    collector.exempt_imports()
    service = _observed(settings, service)
    app, service = build_app(service, settings, create_app, extension)
    service.warm_up()
    collector.settle()
    return app, service


def _observed(settings: Settings, service: Service | None) -> Service:
    """Telemetry starts in the process that serves, whose threads no fork leaves behind; where
    that process loads the model, before it does: hooks trace while they load.
    """
    traces_clients = settings.model.target_name is not None
    try:
        telemetry.start(
            settings.server.telemetry,
            at_once=settings.server.processes.workers > 1,
            trace_clients=traces_clients,
        )
    except SettingError as error:
        return _failed(settings, error)
    return build_service(settings) if service is None else service


def build_service(settings: Settings) -> Service:
    """Load the model and stand a service in front of it.

    With ``--with-error-server`` a model that cannot be loaded becomes a service that
    answers with the reason.

    Raises:
        StartupError: the model cannot be loaded and there is no error server.
    """
    return _or_failed(settings, partial(load_service, settings))


def load_service(settings: Settings) -> PredictionService:
    give_event_loop()
    predictor = build_predictor(settings.model)
    config_file = settings.server.deployment_config
    target_type = predictor.info.target_type
    return PredictionService(
        predictor,
        settings.server.service,
        None if config_file is None else load_deployment_config(config_file, target_type),
    )


def build_app(
    service: Service,
    settings: Settings,
    create_app: Callable[[Service, Settings], App],
    extension: str,
) -> tuple[App, Service]:
    """Stand a front before the service and let the folder's extension file extend it.

    Args:
        create_app: the front's own factory.
        extension: ``custom_flask`` or ``custom_fastapi``.

    Returns:
        The application and the service behind it: a failed one when the extension is what
        failed and an error server is wanted.
    """
    app = create_app(service, settings)
    failed = _or_failed(settings, partial(extend, app, settings.model.code_dir, extension))
    if failed is not None:
        service.close()
        app, service = create_app(failed, settings), failed
    return app, service


def _or_failed(settings: Settings, start: Callable[[], Result]) -> Result | FailedService:
    try:
        return start()
    # An error server answers with whatever a folder, its model or its extension fails of.
    except Exception as error:
        return _failed(settings, error)


def _failed(settings: Settings, error: Exception) -> FailedService:
    """The error server's service; without ``--with-error-server`` the error goes on its way."""
    if not settings.server.with_error_server:
        raise error
    logger.error("%s", failure_text(error), exc_info=error if settings.show_stacktrace else None)
    return FailedService(error, Gate(settings.server).shows_token)
