"""What a waiter is told of a new job, and what it costs the server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta

import pytest
from redis import Redis

from gofastr_queue import Job, Queue
from gofastr_queue.records import Want
from gofastr_queue_conformance.watching import eventually
from gofastr_queue_redis import RedisBackend

NAME = "bell"
MAIL = Want(types=frozenset({"mail"}))

Wait = Callable[[Want, float], "Future[bool]"]


@pytest.fixture
def queue(alone: Redis) -> Iterator[Queue]:
    with Queue(RedisBackend(alone, NAME)) as queue:
        yield queue


@pytest.fixture
def wait(alone: Redis) -> Iterator[Wait]:
    backend = RedisBackend(alone, NAME)
    with ThreadPoolExecutor(1) as pool:

        def begin(want: Want, seconds: float) -> Future[bool]:
            waiting = pool.submit(backend.queue_wait, want, timedelta(seconds=seconds))
            eventually(lambda: alone.info("clients")["blocked_clients"] == 1, "a wait", 10)
            return waiting

        yield begin
    backend.queue_close()


def looks(alone: Redis) -> int:
    """Return how often a script has asked for the last entry of the bell."""
    told = alone.info("commandstats").get("cmdstat_xrevrange", {"calls": 0})
    return int(told["calls"])


def test_a_waiter_is_told_of_the_line_and_need_not_look(
    alone: Redis, queue: Queue, wait: Wait
) -> None:
    waiting = wait(MAIL, 30)
    before = looks(alone)

    queue.enqueue("mail")

    assert waiting.result(10)
    assert looks(alone) == before


@pytest.mark.parametrize("types", [["mail", "film"], ["film", "mail"]])
def test_of_lines_that_get_jobs_together_each_waiter_learns(
    queue: Queue, wait: Wait, types: list[str]
) -> None:
    waiting = wait(MAIL, 30)

    queue.enqueue_many([Job(type=type) for type in types])

    assert waiting.result(10)


def test_a_line_that_is_not_wanted_ends_no_wait(alone: Redis, queue: Queue, wait: Wait) -> None:
    waiting = wait(MAIL, 1.5)
    before = looks(alone)

    queue.enqueue("film")

    assert not waiting.result(10)
    assert looks(alone) > before


@pytest.mark.parametrize("told", ["", "x", "\0", b"\xff\0mail\0", "eu\0film\0"])
def test_an_entry_that_names_nothing_wanted_is_looked_after(
    alone: Redis, queue: Queue, wait: Wait, told: str | bytes
) -> None:
    waiting = wait(Want(types=frozenset({"mail"}), lanes=frozenset({""})), 30)

    alone.xadd(f"{{{NAME}}}:bell", {"rung": told}, maxlen=1, approximate=False)
    queue.enqueue("mail")

    assert waiting.result(10)


def test_a_job_whose_bell_another_rang_over_is_found_by_a_look(
    alone: Redis, queue: Queue, wait: Wait
) -> None:
    waiting = wait(MAIL, 30)

    with alone.pipeline(transaction=True) as both:
        # between two looks of a waiter two lines may ring, and the bell has one entry
        both.xadd(f"{{{NAME}}}:bell", {"rung": "\0film\0"}, maxlen=1, approximate=False)
        both.execute()
    queue.enqueue("mail")

    assert waiting.result(10)
