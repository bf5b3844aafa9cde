"""Signals that do not end a server are noted, and left alone by its workers."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest

from datarobot_drum.drum.serving.children import STRAY
from datarobot_drum.drum.serving.orders import ORDERS, Orders, leave_orders_to_parent
from datarobot_drum.drum.serving.signals import signal_name

BY_DEFAULT_GO_ON = {
    *(signal.SIGCHLD, signal.SIGCONT, signal.SIGSTOP, signal.SIGTSTP, signal.SIGURG),
    signal.SIGWINCH,
}


@pytest.fixture(autouse=True)
def _handlers() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in (*ORDERS, *STRAY)}
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
    for number in (*ORDERS, *STRAY):
        os.kill(os.getpid(), number)
    assert orders.take() == []


def test_what_would_end_a_process_for_nothing_does_nothing_and_that_is_said_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    # Whoever has a fault, or reaches a limit that was set for it, ends.
    ends = {signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGKILL, signal.SIGXCPU}
    faults = {"SIGABRT", "SIGBUS", "SIGEMT", "SIGFPE", "SIGILL", "SIGSEGV", "SIGSYS", "SIGTRAP"}
    orders = Orders()
    usual = {
        number
        for number in signal.valid_signals() - ends
        if signal.getsignal(number) is signal.SIG_DFL and signal_name(number) not in faults
    }
    for number in STRAY:
        for _ in range(3):
            os.kill(os.getpid(), number)
            assert orders.take() == []

    assert usual <= BY_DEFAULT_GO_ON
    assert [record.getMessage() for record in caplog.records] == [
        f"{signal_name(number)} has no effect." for number in STRAY
    ]


def test_a_handler_of_user_code_stands() -> None:
    came = []
    orders = Orders()
    signal.signal(signal.SIGALRM, lambda number, _frame: came.append(number))
    os.kill(os.getpid(), signal.SIGALRM)
    assert came == [signal.SIGALRM]
    assert orders.take() == []
