"""The garbage collector of a server: out of the way of what is loaded once and stays.

A full collection looks at every object there is: with pandas and scikit-learn loaded that stops a
process for some 80 ms, several times while they are imported and again and again under load.
"""

from __future__ import annotations

import gc
from typing import Final

_ORDINARY: Final = gc.get_threshold()
# Importing makes many objects and little garbage: only the youngest are worth a look.
_WHILE_LOADING: Final = (5000, 1000, 1000)


def relax() -> None:
    """What is imported from here on is not collected, but for what ends at once."""
    gc.set_threshold(*_WHILE_LOADING)


def exempt_imports() -> None:
    """Never look at what is imported so far, which holds next to no garbage."""
    gc.freeze()


def settle() -> None:
    """Everything is loaded: collect once, never look at what is left, and go on as usual."""
    gc.collect()
    go_on()


def go_on() -> None:
    """Go on as usual, but never look at what is there so far."""
    gc.freeze()
    gc.set_threshold(*_ORDINARY)
