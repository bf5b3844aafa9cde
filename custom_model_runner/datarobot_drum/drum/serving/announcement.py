"""Where a server listens and how to ask: said once, by the process that was started.

What there is to say is known where the model is loaded, which may be another process.
"""

from __future__ import annotations

import logging
import mmap
import socket
from typing import TYPE_CHECKING, Final

from datarobot_drum.drum.logs import ANNOUNCEMENTS
from datarobot_drum.drum.settings import Settings

if TYPE_CHECKING:
    from datarobot_drum.drum.prediction.service import Service

logger = logging.getLogger(ANNOUNCEMENTS)

_SIZE: Final = 16 * 1024
_HEAD: Final = 4


class Announcement:
    """Made before workers are forked: the first that has loaded fills in what is told.

    Args:
        listener: bound.
    """

    def __init__(self, settings: Settings, listener: socket.socket) -> None:
        self._settings = settings
        # The port that it has got: it may have asked for any.
        self._port = listener.getsockname()[1]
        self._shared = mmap.mmap(-1, _SIZE)
        self._is_told = False

    def prepare(self, service: Service) -> None:
        """Take note of what is to be told of the service; called by the process that serves."""
        if self._length():
            return
        # Not at home in a supervisor, which imports little.
        from datarobot_drum.drum.serving.first_lines import first_lines

        text = "\n".join(first_lines(self._settings, self._port, service)).encode()
        text = text[: _SIZE - _HEAD]
        self._shared[_HEAD : _HEAD + len(text)] = text
        self._shared[:_HEAD] = len(text).to_bytes(_HEAD, "big")

    def tell(self) -> None:
        """Tell it, the first time; called when connections are accepted."""
        length = self._length()
        if self._is_told or not length:
            return
        self._is_told = True
        text = self._shared[_HEAD : _HEAD + length].decode(errors="replace")
        for line in text.split("\n"):
            logger.info("%s", line)

    def _length(self) -> int:
        return int.from_bytes(self._shared[:_HEAD], "big")
