"""Memory keeps the newest dead letters; the oldest is evicted, counted and logged."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from typing import cast

import pytest

from gofastr_queue import InvalidOption, Job, Queue
from gofastr_queue.backends import Backend
from gofastr_queue.records import Level
from gofastr_queue.testing import FakeClock
from gofastr_queue_memory import MemoryBackend

Open = Callable[[MemoryBackend], Queue]


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def opened(clock: FakeClock) -> Iterator[Open]:
    with ExitStack() as stack:
        yield lambda backend: stack.enter_context(Queue(cast(Backend, backend), clock=clock))


def fail(queue: Queue, *ids: str) -> None:
    for id in ids:
        queue.enqueue("mail", id=id, max_attempts=1)
        queue.nack(queue.dequeue(), "broken")


def failed(queue: Queue) -> list[str]:
    return [job.id for job in queue.list_jobs("failed", limit=5_000)]


def test_a_thousand_are_kept_by_default(opened: Open, caplog: pytest.LogCaptureFixture) -> None:
    backend = MemoryBackend()
    queue = opened(backend)
    jobs = [Job(type="mail", id=f"number {n}", max_attempts=1) for n in range(1_001)]
    queue.enqueue_many(jobs)

    with caplog.at_level(logging.WARNING, "gofastr_queue.memory"):
        queue.nack_many(queue.claim(1_001))

    assert queue.stats() == {"pending": 0, "claimed": 0, "failed": 1_000}
    assert queue.get("number 0") is None
    assert backend.evicted == 1
    (record,) = [one for one in caplog.records if one.name == "gofastr_queue.memory"]
    assert "number 0" in record.getMessage()


def test_the_oldest_dead_letter_is_the_first_that_failed(opened: Open) -> None:
    queue = opened(MemoryBackend(dead_letter_cap=2))
    queue.enqueue_many([Job(type="mail", id=id, max_attempts=1) for id in "abc"])
    a, b, c = queue.claim(3)

    for claim in (c, a, b):
        queue.nack(claim)

    assert failed(queue) == ["b", "a"]


def test_expired_jobs_count_as_dead_letters(opened: Open, clock: FakeClock) -> None:
    backend = MemoryBackend(dead_letter_cap=2)
    queue = opened(backend)
    fail(queue, "early")
    queue.enqueue_many([Job(type="mail", id=id, max_attempts=1) for id in "abc"])
    queue.claim(3)
    clock.advance(queue.lease)

    assert queue.reclaim() == 3

    assert failed(queue) == ["c", "b"]
    assert backend.evicted == 2


def test_replayed_and_purged_dead_letters_make_room(opened: Open) -> None:
    backend = MemoryBackend(dead_letter_cap=2)
    queue = opened(backend)
    fail(queue, "a", "b")

    assert queue.replay("a")
    queue.ack(queue.dequeue())
    assert queue.cancel("b")
    fail(queue, "c", "d")

    assert failed(queue) == ["d", "c"]
    assert backend.evicted == 0


def test_a_job_that_fails_again_is_the_newest(opened: Open) -> None:
    queue = opened(MemoryBackend(dead_letter_cap=2))
    fail(queue, "a", "b")
    queue.replay("a")
    queue.nack(queue.dequeue())

    fail(queue, "c")

    assert failed(queue) == ["c", "a"]


def test_an_evicted_jobs_id_is_free_and_its_claim_stale(opened: Open) -> None:
    queue = opened(MemoryBackend(dead_letter_cap=1))
    queue.enqueue("mail", "first", id="a", max_attempts=1)
    claim = queue.dequeue()
    queue.nack(claim)
    fail(queue, "b")

    queue.enqueue("mail", "second", id="a")

    assert not queue.ack(claim)
    assert queue.dequeue().job.payload == "second"


def test_a_cap_of_zero_keeps_none(opened: Open) -> None:
    backend = MemoryBackend(dead_letter_cap=0)
    queue = opened(backend)

    fail(queue, "a", "b")

    assert queue.stats() == {"pending": 0, "claimed": 0, "failed": 0}
    assert backend.evicted == 2
    assert not queue.replay("a")


def test_pending_and_claimed_jobs_are_never_evicted(opened: Open) -> None:
    queue = opened(MemoryBackend(dead_letter_cap=1))
    queue.enqueue_many([Job(type="mail", id=f"{number}") for number in range(50)])
    claims = queue.claim(25)
    queue.enqueue("late", delay=timedelta(hours=1))

    queue.enqueue_many([Job(type="bad", id=id, max_attempts=1) for id in "ab"])
    queue.nack_many(queue.claim(2, types=["bad"]))

    assert queue.stats() == {"pending": 26, "claimed": 25, "failed": 1}
    assert len(queue.ack_many(claims)) == 25


@pytest.mark.parametrize("cap", [-1, 1.5, "2", None, True])
def test_an_impossible_cap_is_refused(cap: object) -> None:
    with pytest.raises(InvalidOption):
        MemoryBackend(dead_letter_cap=cap)  # type: ignore[arg-type] # as a user might


def test_an_examination_tells_how_many_are_kept_and_how_many_were_evicted(opened: Open) -> None:
    queue = opened(MemoryBackend(dead_letter_cap=2))
    fail(queue, "a", "b")
    (before,) = [one for one in queue.diagnose() if one.subject == "durability"]
    fail(queue, "c")
    (after,) = [one for one in queue.diagnose() if one.subject == "durability"]

    assert before.level is after.level is Level.NOTE
    assert before.text == "jobs end with the process; of dead letters the newest 2 are kept"
    assert after.text == f"{before.text}, 1 were evicted"
    assert "sqlite:///" in after.remedy
