"""Signals that do not end a server are noted, and left alone by its workers."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest

from datarobot_drum.drum.serving.orders import ORDERS, Orders, leave_orders_to_parent


@pytest.fixture(autouse=True)
def _handlers() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in ORDERS}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def test_orders_are_taken_once_in_their_order() -> None:
    orders = Orders()
    for number in (signal.SIGTTIN, signal.SIGHUP, signal.SIGTTIN):
        os.kill(os.getpid(), number)
    assert orders.take() == [signal.SIGTTIN, signal.SIGHUP, signal.SIGTTIN]
    assert orders.take() == []


def test_a_worker_leaves_them_to_its_parent() -> None:
    orders = Orders()
    leave_orders_to_parent()
    for number in ORDERS:
        os.kill(os.getpid(), number)
    assert orders.take() == []
