"""``drain`` runs what is ready, inline and in order, and settles it as a worker would."""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta

import pytest

from gofastr_queue import Backoff, Bury, Context, Job, Queue, QueueClosed, Retry, Snooze, hookimpl
from gofastr_queue.testing import FakeClock, drain

MINUTE = timedelta(minutes=1)


def refuse(job: Job) -> None:
    raise ValueError(f"refused {job.payload}")


def test_jobs_run_by_priority_then_in_order_of_enqueueing(queue: Queue) -> None:
    ran: list[str] = []
    queue.register_handler("mail", lambda job: ran.append(job.payload))
    for payload, priority in (("b", 0), ("a", 5), ("c", 0), ("d", -1)):
        queue.enqueue("mail", payload, priority=priority)

    assert drain(queue) == 4

    assert ran == ["a", "b", "c", "d"]
    assert queue.stats() == {"pending": 0, "claimed": 0, "failed": 0}


def test_no_more_jobs_run_than_the_limit(queue: Queue) -> None:
    queue.register_handler("mail", lambda _job: None)
    queue.enqueue_many([Job(type="mail") for _ in range(5)])

    assert drain(queue, limit=0) == 0
    assert drain(queue, limit=2) == 2
    assert queue.stats()["pending"] == 3
    assert drain(queue, limit=10) == 3


def test_jobs_that_are_not_due_stay(queue: Queue, clock: FakeClock) -> None:
    queue.register_handler("mail", lambda _job: None)
    queue.enqueue("mail", delay=MINUTE)

    assert drain(queue) == 0
    clock.advance(MINUTE)
    assert drain(queue) == 1


def test_a_job_that_a_handler_enqueues_runs_too(queue: Queue) -> None:
    queue.register_handler("first", lambda _job: queue.enqueue("second"))
    queue.register_handler("second", lambda _job: None)
    queue.enqueue("first")

    assert drain(queue) == 2


def test_a_failing_job_is_tried_until_it_is_dead(queue: Queue) -> None:
    queue.register_handler("mail", refuse)
    queue.enqueue("mail", 7, max_attempts=2)

    assert drain(queue) == 2

    (job,) = queue.list_jobs("failed")
    assert [(error.attempt, error.message) for error in job.errors] == [
        (1, "refused 7"),
        (2, "refused 7"),
    ]


def test_a_retry_waits_for_the_backoff(clock: FakeClock) -> None:
    with Queue.open("memory://", clock=clock, backoff=Backoff(MINUTE)) as queue:
        queue.register_handler("mail", refuse)
        queue.enqueue("mail", max_attempts=3)

        ran = []
        for wait in (0, 1, 1, 1):
            clock.advance(wait * MINUTE)
            ran.append(drain(queue))

        assert ran == [1, 1, 0, 1]
        assert queue.stats()["failed"] == 1


def test_a_handlers_instructions_are_followed(queue: Queue, clock: FakeClock) -> None:
    instructions = {
        "retry": Retry(MINUTE, "later"),
        "bury": Bury("never"),
        "snooze": Snooze(MINUTE),
    }

    def handler(job: Job) -> None:
        raise instructions[job.payload]

    queue.register_handler("mail", handler)
    ids = {name: queue.enqueue("mail", name, id=name).id for name in instructions}

    assert drain(queue) == 3

    seen = {name: queue.get(ids[name]) for name in ids}
    assert {name: job and (str(job.status), job.attempts) for name, job in seen.items()} == {
        "retry": ("pending", 1),
        "bury": ("failed", 1),
        "snooze": ("pending", 0),
    }
    waiting = [job for job in seen.values() if job and job.status == "pending"]
    assert {job.scheduled_at for job in waiting} == {clock.now() + MINUTE}
    assert [error.message for job in seen.values() if job for error in job.errors] == [
        "later",
        "never",
    ]


def test_async_handlers_run(queue: Queue) -> None:
    ran: list[object] = []

    async def handler(job: Job, context: Context) -> None:
        await asyncio.sleep(0)
        ran.append((job.payload, context.job is job))

    queue.register_handler("mail", handler)
    queue.enqueue("mail", 1)

    assert drain(queue) == 1
    assert ran == [(1, True)]


def test_a_plain_handler_that_returns_a_coroutine_has_failed(queue: Queue) -> None:
    async def work() -> None:
        """Do nothing."""

    queue.register_handler("mail", lambda _job: work())
    queue.enqueue("mail", max_attempts=1)

    drain(queue)

    (job,) = queue.list_jobs("failed")
    assert job.errors[0].kind == "TypeError"


def test_a_keyboard_interrupt_gives_the_job_back_and_goes_on(queue: Queue) -> None:
    def interrupted(_job: Job) -> None:
        raise KeyboardInterrupt

    queue.register_handler("mail", interrupted)
    id = queue.enqueue("mail").id

    with pytest.raises(KeyboardInterrupt):
        drain(queue)

    job = queue.get(id)
    assert job is not None
    assert (job.status, job.attempts, job.errors) == ("pending", 0, ())


def test_a_handler_that_exits_has_only_failed(queue: Queue) -> None:
    def leave(_job: Job) -> None:
        raise SystemExit(1)

    queue.register_handler("mail", leave)
    queue.enqueue("mail", max_attempts=1)

    assert drain(queue) == 1
    assert queue.list_jobs("failed")[0].errors[0].kind == "SystemExit"


def test_types_without_a_handler_are_dropped_with_a_warning(
    queue: Queue, caplog: pytest.LogCaptureFixture
) -> None:
    ran: list[str] = []
    queue.register_handler("known", lambda job: ran.append(job.id))
    dropped = queue.enqueue("unknown", id="u-1", priority=9)
    known = queue.enqueue("known")

    with caplog.at_level(logging.WARNING):
        assert drain(queue) == 1

    assert ran == [known.id]
    assert queue.get(dropped.id) is None
    assert [vars(one)["job"] for one in caplog.records] == ["u-1"]


class Garbling:
    """A payload plugin that cannot read one payload back."""

    @hookimpl
    def payload_in(self, text: str) -> str:
        if text == '"bad"':
            raise ValueError("cannot be read")
        return text


def test_an_unreadable_job_is_buried_and_the_jobs_behind_it_run(clock: FakeClock) -> None:
    with Queue.open("memory://", clock=clock, plugins=[Garbling()]) as queue:
        ran: list[str] = []
        queue.register_handler("mail", lambda job: ran.append(job.payload))
        queue.enqueue("mail", "bad")
        queue.enqueue("mail", "good")

        drain(queue)

        assert ran == ["good"]
        assert queue.stats() == {"pending": 0, "claimed": 0, "failed": 1}


def test_expired_leases_are_taken_back_first(clock: FakeClock) -> None:
    with Queue.open("memory://", clock=clock, lease=MINUTE) as queue:
        queue.register_handler("mail", lambda _job: None)
        queue.enqueue("mail")
        queue.dequeue()
        clock.advance(MINUTE)

        assert drain(queue) == 1


def test_a_handler_may_extend_its_lease(clock: FakeClock) -> None:
    with Queue.open("memory://", clock=clock, lease=MINUTE) as queue:
        extended: list[bool] = []

        def handler(job: Job, context: Context) -> None:
            clock.advance(MINUTE / 2)
            extended.append(context.extend())
            stored = queue.get(job.id)
            assert stored is not None
            assert stored.lease_until == clock.now() + MINUTE

        queue.register_handler("mail", handler)
        queue.enqueue("mail")

        assert drain(queue) == 1
        assert extended == [True]
        assert queue.stats()["failed"] == 0


def test_a_closed_queue_is_not_drained(queue: Queue) -> None:
    queue.close()

    with pytest.raises(QueueClosed):
        drain(queue)
