"""How a server process learns that it is to end, and who else is told."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import ClassVar, Final

from datarobot_drum.drum.exceptions import DrumException
from datarobot_drum.drum.logs import get_drum_logger
from datarobot_drum.drum.serving import children
from datarobot_drum.drum.utils.failures import failure_text
from datarobot_drum.drum.utils.others_code import failing_as

logger = get_drum_logger(__name__)

Handler = Callable[[int, FrameType | None], object]

STOPPING: Final = (signal.SIGTERM, signal.SIGINT)


@contextmanager
def held_back_over_fork() -> Iterator[None]:
    """For the fork of a worker: it keeps the handlers, until it has its own.

    SIGTERM waits meanwhile, so that no child gets it with its parent's handler, which would
    lose it. The child calls ``let_in`` when it has a handler of its own.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    try:
        with children.of_the_server():
            yield
    finally:
        let_in()


def let_in() -> None:
    """Take the signals that have waited, and those to come."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})


def signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        # Of the real-time signals only the first and the last have one.
        return f"signal {number}"


def left_to_parent(_number: int, _frame: FrameType | None) -> None:
    """A worker's handler for Ctrl+C, which a terminal sends to every process: its parent acts.

    Not ``SIG_IGN``, which the programs that user code starts would inherit.
    """


def interrupt(_number: int, _frame: FrameType | None) -> None:
    """A command's handler for SIGTERM: end as with Ctrl+C."""
    raise KeyboardInterrupt


class Stopped(KeyboardInterrupt):
    """A signal came before there was a request to finish: leave at once, wherever this is.

    Like Ctrl+C it passes through code that catches ``Exception`` or ``SystemExit``, as user
    code that is being loaded may do.
    """


class StopSignals:
    """Remembers the signals that ask a process to end, from the moment it is made.

    Attributes:
        serving: whether there may be requests to finish. Before that a signal raises
            ``Stopped`` in the main thread.
        first: the signal that asked the server to end.
        forced: SIGQUIT came, or a second SIGINT: running requests are not to be waited for.
    """

    def __init__(self, numbers: tuple[signal.Signals, ...] = STOPPING) -> None:
        children.begin_without_handlers()
        self.serving = False
        self.first: signal.Signals | None = None
        self.forced = False
        self._numbers = numbers
        for number in numbers:
            signal.signal(number, self._on_signal)
        if children.is_the_servers(signal.getsignal(signal.SIGQUIT)):
            # A worker has its parent's, and ends by it while it loads: nothing else may help.
            signal.signal(signal.SIGQUIT, signal.SIG_DFL)

    def stand(self) -> None:
        """The model is loaded, or user code has run again: put the handlers back.

        Those that user code has put in their place are called at the end.
        """
        for number in self._numbers:
            take_over(number, self._on_signal)

    def serve(self) -> None:
        """Called by the server: from here on a signal means to finish what was accepted."""
        self.serving = True
        self.stand()
        # User code may have a use of its own for it: to write out what its threads do, say.
        if signal.getsignal(signal.SIGQUIT) is signal.SIG_DFL:
            signal.signal(signal.SIGQUIT, self._on_signal)

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        if self.first is None:
            self.first = signal.Signals(number)
        elif number == signal.SIGINT:
            self.forced = True
        if number == signal.SIGQUIT:
            self.forced = True
        if not self.serving:
            raise Stopped
        asked_to_end(number)


class _Users:
    """What user code wants to be called at the end, by signal; and the signal that came."""

    handlers: ClassVar[dict[int, Handler]] = {}
    number: ClassVar[int | None] = None


def take_over(number: signal.Signals, handler: Handler) -> None:
    """Be the handler of a signal, and keep the user's, if there is one, for the end."""
    # User code that starts threads may have left it blocked.
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {number})
    before = signal.getsignal(number)
    if before == handler:
        return
    if callable(before) and not children.is_the_servers(before):
        _Users.handlers[number] = before
        logger.info("The model's handler of %s is called after the last answer.", number.name)
    signal.signal(number, handler)


def asked_to_end(number: int) -> None:
    """Note the signal that ends this process, for the user's handler."""
    if _Users.number is None:
        _Users.number = number


def call_users_handler() -> None:
    """Everything is answered: now user code may do what it wanted to do at the signal.

    The process ends in any case, with the server's own status.
    """
    number = _Users.number
    handler = None if number is None else _Users.handlers.pop(number, None)
    if number is None or handler is None:
        return
    try:
        with failing_as(_failed):
            handler(number, None)
    except KeyboardInterrupt:
        # As Python's own handler of SIGINT raises it.
        return
    except DrumException as error:
        if not isinstance(error.__cause__, SystemExit):
            logger.error("%s", failure_text(error))


def _failed(error: BaseException) -> DrumException:
    return DrumException(f"The model's signal handler failed: {error!r}")
