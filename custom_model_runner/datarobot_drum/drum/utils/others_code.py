"""Running what others wrote: a folder's code, an artifact's, a client library's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from datarobot_drum.drum.exceptions import is_interrupt


@contextmanager
def failing_as(error_for: Callable[[BaseException], Exception | None]) -> Iterator[None]:
    """Run a block without letting it end the server, or the thread that it is on.

    Args:
        error_for: what the block has raised -> what is raised in its place, with that as its
            cause; None: it stays as it is. Not asked about Ctrl+C.
    """
    try:
        yield
    # Code of others raises what it likes: sys.exit is one of its ways, a panic of Rust another.
    except BaseException as exc:
        error = None if is_interrupt(exc) else error_for(exc)
        if error is None:
            raise
        raise error from exc
