"""How many workers start and which one ends, whatever has happened to the others."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from datarobot_drum.drum.serving.backoff import Backoff
from datarobot_drum.drum.serving.crew import to_retire, to_start


@dataclass(eq=False)
class Worker:
    is_ready: bool = True
    is_recycled: bool = False


def loading(is_recycled: bool = False) -> Worker:
    return Worker(is_ready=False, is_recycled=is_recycled)


def recycled() -> Worker:
    return Worker(is_recycled=True)


def test_the_first_worker_loads_alone() -> None:
    assert to_start(4, [], Backoff()) == 1
    assert to_start(4, [loading()], Backoff()) == 0
    assert to_start(4, [Worker()], Backoff()) == 3


def test_workers_are_replaced_one_by_one_and_serve_until_then() -> None:
    crew = [recycled(), recycled()]
    assert to_start(2, crew, Backoff()) == 1
    crew.append(loading())
    assert to_start(2, crew, Backoff()) == 0
    assert to_retire(2, crew) is None
    crew[-1].is_ready = True
    assert to_retire(2, crew) is crew[0]


def test_of_too_many_the_one_that_does_not_serve_yet_ends_first_then_the_oldest() -> None:
    crew = [Worker(), Worker(), loading()]
    assert to_retire(2, crew) is crew[2]
    assert to_retire(1, crew[:2]) is crew[0]


workers = st.lists(st.builds(Worker, st.booleans(), st.booleans()), max_size=8)


@given(count=st.integers(1, 4), crew=workers)
def test_however_it_began_there_are_in_the_end_as_many_as_wanted_all_new(
    count: int, crew: list[Worker]
) -> None:
    could_serve = any(worker.is_ready for worker in crew)
    for _ in range(100):
        while (worker := to_retire(count, crew)) is not None:
            crew.remove(worker)
        crew.extend(loading() for _ in range(to_start(count, crew, Backoff())))
        assert len(crew) <= count + 1
        # As long as there is a worker that serves, there always is one.
        could_serve = could_serve or any(worker.is_ready for worker in crew)
        assert any(worker.is_ready for worker in crew) or not could_serve
        for worker in crew:
            if not worker.is_ready:
                worker.is_ready = True
                break
    assert len(crew) == count
    assert not any(worker.is_recycled for worker in crew)
