"""Counts large bodies that FastAPI's own layers read: for what extensions add."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from datarobot_drum.drum.exceptions import OverloadedError
from datarobot_drum.drum.serving.budget import BodyBudget, Share

# Where the service's routes find the share of a body that is counted already.
SHARE: Final = "drum.share"
# Set where a body was refused and answered.
REFUSED: Final = "drum.refused"
_GONE: Final = {"type": "http.disconnect"}

Refuse = Callable[[OverloadedError, Receive, Send], Awaitable[None]]


class CountedBodies:
    """ASGI middleware: a large body has a share of the budget while it is read and answered.

    A body for which there is no room is answered here: what reads it is told that its client
    has gone, which every layer understands.

    Args:
        refuse: sends the answer.
    """

    def __init__(self, app: ASGIApp, budget: BodyBudget, refuse: Refuse) -> None:
        self._app = app
        self._budget = budget
        self._refuse = refuse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        size = 0
        has_begun = is_refused = False

        async def counted() -> Message:
            nonlocal size, is_refused
            message = await receive()
            size += len(message.get("body", b""))
            try:
                share.resize(size)
            except OverloadedError as error:
                if not is_refused and not has_begun:
                    is_refused = scope[REFUSED] = True
                    await self._refuse(error, receive, send)
                return _GONE
            return message

        async def send_unless_refused(message: Message) -> None:
            nonlocal has_begun
            has_begun = True
            if not is_refused:
                await send(message)

        with Share(self._budget) as share:
            scope[SHARE] = share
            await self._app(scope, counted, send_unless_refused)
