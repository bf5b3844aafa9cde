"""The threads of the linear algebra that numpy and scipy bring along."""

from __future__ import annotations

import os
from typing import Final

# Read by OpenBLAS when it is loaded: 2 ** 4 cycles.
_VARIABLE: Final = "OPENBLAS_THREAD_TIMEOUT"
_SHORTEST: Final = "4"


def let_threads_sleep() -> None:
    """Have OpenBLAS's threads sleep as soon as they have nothing to do; the results stay the same.

    By default they keep a processor busy for some 20 ms after a call, which is longer than most
    predictions take: on a server, that processor is another request's. To be called before
    numpy is imported; what the environment says already is left as it is.
    """
    os.environ.setdefault(_VARIABLE, _SHORTEST)
