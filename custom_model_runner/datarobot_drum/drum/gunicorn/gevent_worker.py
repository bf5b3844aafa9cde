"""Gunicorn's gevent worker; importing this needs gevent."""

from __future__ import annotations

from typing import Any

from gevent import select
from gunicorn.workers.ggevent import GeventWorker

from datarobot_drum.drum.gunicorn.worker import DrumWorkerMixin
from datarobot_drum.drum.knobs import knob


class DrumGeventWorker(DrumWorkerMixin, GeventWorker):  # type: ignore[misc]
    """Greenlets. Connections that send nothing are dropped after a while."""

    def handle(self, listener: Any, client: Any, addr: Any) -> None:
        limit = knob("DRUM_GUNICORN_FIRST_BYTE_TIMEOUT")
        if limit and not select.select([client], [], [], limit)[0]:
            client.close()
            return
        super().handle(listener, client, addr)
