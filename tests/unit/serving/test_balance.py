"""Who takes the next connection."""

from __future__ import annotations

import os

from datarobot_drum.drum.serving.balance import LoadBoard


def test_the_worker_with_the_fewest_connections_goes_first() -> None:
    board = LoadBoard(3)
    busy, idle, starting = board.new_slot(), board.new_slot(), board.new_slot()
    busy.hold(2)
    idle.hold(1)

    assert not busy.goes_first()
    assert idle.goes_first()
    # A worker that has not loaded yet takes none, so nobody waits for it.
    starting.hold(0)
    assert not idle.goes_first()


def test_equals_both_go_first_and_who_left_does_not_count() -> None:
    board = LoadBoard(2)
    one, other = board.new_slot(), board.new_slot()
    one.hold(1)
    other.hold(1)
    assert one.goes_first()
    assert other.goes_first()

    one.hold(5)
    other.leave()
    assert one.goes_first()


def test_slots_are_shared_with_forked_processes() -> None:
    board = LoadBoard(2)
    parents, childs = board.new_slot(), board.new_slot()
    parents.hold(3)
    pid = os.fork()
    if pid == 0:
        childs.hold(1)
        os._exit(0)
    os.waitpid(pid, 0)

    assert not parents.goes_first()


def test_there_are_seats_for_replacements_without_end() -> None:
    board = LoadBoard(1)
    for _ in range(100):
        slot = board.new_slot()
        slot.hold(1)
        assert slot.goes_first()
        slot.leave()


def test_a_worker_knows_whether_the_others_end_too() -> None:
    board = LoadBoard(2)
    one, other = board.new_slot(), board.new_slot()
    one.leave()
    assert not one.all_end()
    board.end()
    assert one.all_end()
    assert other.all_end()
