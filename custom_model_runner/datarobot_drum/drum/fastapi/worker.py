"""What a process that serves does: load the model, run uvicorn until it is told to end."""

from __future__ import annotations

import asyncio
import socket
import ssl
from typing import TYPE_CHECKING, Any

import uvicorn

from datarobot_drum.drum.assembly import load_app
from datarobot_drum.drum.fastapi.app import create_app
from datarobot_drum.drum.fastapi.config import uses_uvloop
from datarobot_drum.drum.fastapi.limits import ConcurrencyLimit
from datarobot_drum.drum.fastapi.protocol import protocol_class
from datarobot_drum.drum.fastapi.server import DrainingServer
from datarobot_drum.drum.fastapi.supervisor import Channel
from datarobot_drum.drum.serving.access_log import AccessLog, Refusals
from datarobot_drum.drum.serving.announcement import Announcement
from datarobot_drum.drum.serving.listening import cannot_listen
from datarobot_drum.drum.serving.signals import StopSignals
from datarobot_drum.drum.settings import ServerSettings, Settings

if TYPE_CHECKING:
    from datarobot_drum.drum.prediction.service import Service


def serve(
    settings: Settings,
    listener: socket.socket,
    tls: ssl.SSLContext | None,
    signals: StopSignals,
    announcement: Announcement,
    channel: Channel,
    service: Service | None = None,
) -> None:
    """Serve until a signal comes, then answer everything that was accepted.

    Args:
        announcement: takes note of what is to be told of the service.
        listener: bound; it listens once the model is loaded.
        channel: to the supervisor.
        service: loaded already; None: load it here.

    Raises:
        StartupError: the model cannot be loaded, or the port was taken meanwhile.
    """
    if channel.is_replacement:
        # Beside workers that have a model nobody is to answer that there is none.
        settings = settings.without_error_server()
    app, service = load_app(settings, create_app, "custom_fastapi", service)
    channel.has_model = service.has_model
    announcement.prepare(service)
    fastapi = settings.server.fastapi
    takes_websockets = app.may_take_websockets
    if fastapi.limit_concurrency is not None:
        app.add_middleware(ConcurrencyLimit, limit=fastapi.limit_concurrency)
    access_log = app.access_log = AccessLog()
    refusals = Refusals(access_log, service.metrics)
    config = _config(app, settings.server, tls, refusals, takes_websockets)
    serving = service

    def on_drain() -> None:
        serving.is_draining = channel.slot.all_end

    server = DrainingServer(
        config,
        signals,
        channel,
        on_drain=on_drain,
        end_streams=serving.end_streams,
        is_stuck=lambda: serving.is_stuck,
        max_requests=fastapi.max_requests,
        jitter=fastapi.max_requests_jitter,
    )
    serving.in_flight = server.server_state.tasks.__len__
    try:
        _run(server, listener, uses_uvloop(fastapi.loop))
    except OSError as error:
        if server.started:
            raise
        raise cannot_listen(error, settings.server.host, settings.server.port) from error
    finally:
        access_log.flush()
        service.close()


def _config(
    app: Any,
    settings: ServerSettings,
    tls: ssl.SSLContext | None,
    refusals: Refusals,
    takes_websockets: bool,
) -> uvicorn.Config:
    keep_alive = settings.fastapi.keep_alive
    config = uvicorn.Config(
        app,
        http=protocol_class(settings.http.header_timeout, refusals),
        # An offer that nobody takes is not looked at, as on the other servers.
        ws="auto" if takes_websockets else "none",
        # Logging is set up already, and access lines have a format and a way of their own.
        log_config=None,
        access_log=False,
        log_level=settings.fastapi.log_level,
        server_header=False,
        proxy_headers=False,
        backlog=settings.http.backlog,
        timeout_keep_alive=keep_alive,
        # Clients that are not told would send their next request while the server closes.
        headers=[] if keep_alive else [("connection", "close")],
        timeout_graceful_shutdown=settings.fastapi.graceful_timeout,
    )
    config.load()
    config.ssl = tls
    return config


def _run(server: DrainingServer, listener: socket.socket, use_uvloop: bool) -> None:
    loop = _new_loop(use_uvloop)
    asyncio.set_event_loop(loop)
    try:
        loop.run_until_complete(server.serve(sockets=[listener]))
        loop.run_until_complete(loop.shutdown_asyncgens())
    finally:
        asyncio.set_event_loop(None)
        loop.close()


def _new_loop(use_uvloop: bool) -> asyncio.AbstractEventLoop:
    if not use_uvloop:
        return asyncio.new_event_loop()
    import uvloop

    return uvloop.new_event_loop()
