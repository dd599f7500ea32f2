"""What becomes of a job when its handler ends: whatever it raises, the worker lives."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise

import pytest

from gofastr_queue import Backoff, Bury, Context, Job, Queue, Retry, Snooze
from gofastr_queue.capabilities import Capability
from gofastr_queue.job import JobError
from gofastr_queue_conformance.watching import Hire, Told, Worked, eventually

HOUR = Backoff(timedelta(hours=1))
"""A backoff that no case survives waiting for."""


def _recurse() -> None:
    _recurse()


def _interrupt() -> None:
    raise KeyboardInterrupt


def _cancel() -> None:
    raise asyncio.CancelledError


RAISING: dict[str, Callable[[], object]] = {
    "SystemExit": lambda: sys.exit(3),
    "KeyboardInterrupt": _interrupt,
    "RecursionError": _recurse,
    "MemoryError": lambda: bytearray(1 << 62),
    "StopIteration": lambda: next(iter(())),
    "CancelledError": _cancel,
}


class _UnprintableError(Exception):
    def __str__(self) -> str:
        raise SystemExit(3)


class _TextlessError(Exception):
    def __str__(self) -> str:
        return 7  # type: ignore[return-value] # noqa: PLE0307 - as hostile as it gets


class OutcomesContract(Worked):
    """An exception is a nack with the error kept; the next job runs."""

    def test_a_handlers_exception_is_kept_with_the_job_and_the_next_job_runs(
        self, producer: Queue, hire: Hire
    ) -> None:
        worker = hire()
        kept: list[tuple[JobError, ...]] = []
        ran: list[str] = []

        @worker.handler("fails-once")
        def fail_once(job: Job) -> None:
            if job.attempts == 1:
                raise ValueError("no user 7")
            kept.append(job.errors)

        worker.register_handler("next", lambda job: ran.append(job.id))
        producer.enqueue("fails-once")
        following = producer.enqueue("next")
        worker.start(1)
        eventually(lambda: kept and ran, "the retry and the next job")

        ((error,),) = kept
        assert (error.attempt, error.kind, error.message) == (1, "ValueError", "no user 7")
        assert 'raise ValueError("no user 7")' in error.traceback
        assert ran == [following.id]

    @pytest.mark.parametrize("kind", sorted(RAISING))
    def test_whatever_a_plain_handler_raises_counts_as_one_failure(
        self, producer: Queue, hire: Hire, kind: str
    ) -> None:
        worker = hire()
        seen: list[tuple[str, ...]] = []
        ran: list[str] = []

        @worker.handler("raises")
        def raising(job: Job) -> None:
            seen.append(tuple(error.kind for error in job.errors))
            if job.attempts == 1:
                RAISING[kind]()

        worker.register_handler("next", lambda job: ran.append(job.id))
        producer.enqueue("raises", max_attempts=2)
        following = [producer.enqueue("next").id for _ in range(5)]
        worker.start(1)
        eventually(lambda: len(seen) == 2 and len(ran) == 5, f"life after {kind}")

        assert seen == [(), (kind,)]
        assert ran == following

    @pytest.mark.parametrize("kind", sorted(RAISING))
    def test_whatever_an_async_handler_raises_counts_as_one_failure(
        self, producer: Queue, hire: Hire, kind: str
    ) -> None:
        worker = hire()
        seen: list[tuple[str, ...]] = []
        ran: list[str] = []

        @worker.handler("raises")
        async def raising(job: Job) -> None:
            seen.append(tuple(error.kind for error in job.errors))
            if job.attempts == 1:
                RAISING[kind]()

        @worker.handler("next")
        async def follow(job: Job) -> None:
            ran.append(job.id)

        producer.enqueue("raises", max_attempts=2)
        following = [producer.enqueue("next").id for _ in range(5)]
        worker.start(1, concurrency=2)
        eventually(lambda: len(seen) == 2 and len(ran) == 5, f"life after {kind}")

        raised = "RuntimeError" if kind == "StopIteration" else kind  # a coroutine cannot raise it
        assert seen == [(), (raised,)]
        assert sorted(ran) == sorted(following)

    def test_system_exit_in_a_task_that_an_async_handler_made_does_not_end_the_worker(
        self, producer: Queue, hire: Hire
    ) -> None:
        worker = hire()
        ran: list[str] = []

        async def leave() -> None:
            sys.exit(3)

        @worker.handler("spawns")
        async def spawn() -> None:
            await asyncio.create_task(leave())

        @worker.handler("next")
        async def follow(job: Job) -> None:
            ran.append(job.id)

        producer.enqueue("spawns", max_attempts=1)
        worker.start(1, concurrency=2)
        following = [producer.enqueue("next").id for _ in range(5)]
        eventually(lambda: len(ran) == 5, "the jobs after it")

        assert sorted(ran) == sorted(following)

    @pytest.mark.parametrize(
        "error",
        [
            _UnprintableError(),
            _TextlessError(),
            ValueError("x" * 10_000_000),
            ValueError("nul \0, lone surrogate \udc80, line\nbreak"),
        ],
        ids=["raises", "no text", "10 MB", "odd characters"],
    )
    def test_an_error_that_cannot_be_printed_is_still_kept_in_bounds(
        self, producer: Queue, hire: Hire, error: Exception
    ) -> None:
        worker = hire()
        kept: list[JobError] = []

        @worker.handler("hostile")
        def hostile(job: Job) -> None:
            if job.attempts == 1:
                raise error
            kept.extend(job.errors)

        producer.enqueue("hostile", max_attempts=2)
        worker.start(1)
        eventually(lambda: kept, "the second attempt")

        assert kept[0].kind == type(error).__name__
        assert len(kept[0].message) <= 8 * 1024

    def test_a_job_that_always_fails_runs_max_attempts_times_and_is_failed(
        self, producer: Queue, hire: Hire
    ) -> None:
        told = Told()
        worker = hire(plugins=[told])
        attempts: list[int] = []

        @worker.handler("fails")
        def fail(job: Job) -> None:
            attempts.append(job.attempts)
            raise ValueError(job.attempts)

        job = producer.enqueue("fails", max_attempts=3)
        worker.start(2)
        eventually(lambda: told.buried, "the burial")

        assert producer.claim(1) == []
        assert attempts == [1, 2, 3]
        assert told.buried == [job.id]
        if Capability.BROWSE in producer.capabilities:
            stored = producer.get(job.id)
            assert stored is not None
            assert (stored.status, stored.attempts) == ("failed", 3)
            assert [error.message for error in stored.errors] == ["1", "2", "3"]

    def test_retry_replaces_the_backoff_and_is_never_early(
        self, producer: Queue, hire: Hire
    ) -> None:
        worker = hire(backoff=HOUR)
        raised: list[float] = []
        started: list[float] = []

        @worker.handler("again")
        def again(job: Job) -> None:
            started.append(time.monotonic())
            if job.attempts == 1:
                raised.append(time.monotonic())
                raise Retry(after=timedelta(seconds=0.15))

        producer.enqueue("again")
        worker.start(1)
        eventually(lambda: len(started) == 2, "the second attempt")

        assert started[1] - raised[0] >= 0.15

    def test_retry_on_the_last_attempt_is_a_failure(self, producer: Queue, hire: Hire) -> None:
        told = Told()
        worker = hire(plugins=[told])

        @worker.handler("again")
        def again() -> None:
            raise Retry(after=timedelta(0))

        job = producer.enqueue("again", max_attempts=2)
        worker.start(1)
        eventually(lambda: told.buried, "the burial")

        assert told.started == [job.id, job.id]
        assert told.buried == [job.id]

    def test_bury_gives_up_at_once_and_keeps_the_reason(self, producer: Queue, hire: Hire) -> None:
        told = Told()
        worker = hire(plugins=[told])

        @worker.handler("hopeless")
        def hopeless() -> None:
            raise Bury("account is closed")

        job = producer.enqueue("hopeless", max_attempts=5)
        worker.start(1)
        eventually(lambda: told.buried, "the burial")

        assert told.started == told.buried == [job.id]
        assert producer.claim(1) == []
        assert "account is closed" in told.releases[0].error
        if Capability.BROWSE in producer.capabilities:
            stored = producer.get(job.id)
            assert stored is not None
            assert stored.status == "failed"
            assert [error.message for error in stored.errors] == ["account is closed"]

    def test_snooze_uses_no_attempt_and_waits_its_delay(self, producer: Queue, hire: Hire) -> None:
        told = Told()
        worker = hire(plugins=[told])
        seen: list[tuple[int, int]] = []
        at: list[float] = []

        @worker.handler("sleepy")
        def snooze(job: Job) -> None:
            at.append(time.monotonic())
            seen.append((job.attempts, len(job.errors)))
            if len(seen) < 4:
                raise Snooze(timedelta(seconds=0.1))

        job = producer.enqueue("sleepy", max_attempts=1)
        worker.start(1)
        eventually(lambda: told.finished, "the end")

        assert seen == [(1, 0)] * 4
        assert all(later - sooner >= 0.1 for sooner, later in pairwise(at))
        assert (told.failed, told.finished) == ([], [job.id])

    def test_handlers_are_given_what_their_annotations_ask_for(
        self, producer: Queue, hire: Hire
    ) -> None:
        worker = hire()
        given: dict[str, tuple[object, ...]] = {}

        def nothing() -> None:
            given["nothing"] = ()

        def bare(job) -> None:  # type: ignore[no-untyped-def] # noqa: ANN001 - the point
            given["bare"] = (job,)

        def context(context: Context) -> None:
            given["context"] = (context,)

        async def both(context: Context, job: Job) -> None:
            given["both"] = (context, job)

        for handler in (nothing, bare, context, both):
            worker.register_handler(handler.__name__, handler)
            producer.enqueue(handler.__name__, {"for": handler.__name__})
        worker.start(2)
        eventually(lambda: len(given) == 4, "all four")

        (bared,), (own,), (its, job) = given["bare"], given["context"], given["both"]
        assert isinstance(bared, Job)
        assert bared.payload == {"for": "bare"}
        assert isinstance(own, Context)
        assert own.job.payload == {"for": "context"}
        assert own.claim.token
        assert isinstance(its, Context)
        assert its.job is job

    def test_a_handlers_max_attempts_lowers_the_jobs_and_never_raises_it(
        self, producer: Queue, hire: Hire
    ) -> None:
        told = Told()
        worker = hire(plugins=[told])

        def fail() -> None:
            raise ValueError

        worker.register_handler("twice", fail, max_attempts=2)
        worker.register_handler("five", fail, max_attempts=5)
        twice = producer.enqueue("twice", max_attempts=4)
        once = producer.enqueue("five", max_attempts=1)
        unsaid = worker.enqueue("five")
        worker.start(1)
        eventually(lambda: len(told.buried) == 3, "three burials")

        assert told.started.count(twice.id) == 2
        assert told.started.count(once.id) == 1
        assert unsaid.max_attempts == 5
        assert told.started.count(unsaid.id) == 5

    def test_a_handlers_backoff_goes_before_the_queues(self, producer: Queue, hire: Hire) -> None:
        worker = hire(backoff=HOUR)
        raised: list[float] = []
        started: list[float] = []

        def fail_once(job: Job) -> None:
            started.append(time.monotonic())
            if job.attempts == 1:
                raised.append(time.monotonic())
                raise ValueError

        worker.register_handler("own", fail_once, backoff=Backoff(timedelta(seconds=0.15)))
        producer.enqueue("own")
        worker.start(1)
        eventually(lambda: len(started) == 2, "the second attempt")

        assert started[1] - raised[0] >= 0.15

    def test_the_queues_backoff_delays_a_retry(self, producer: Queue, hire: Hire) -> None:
        told = Told()
        worker = hire(
            backoff=Backoff(timedelta(seconds=0.1), timedelta(seconds=0.2)), plugins=[told]
        )
        at: list[float] = []

        @worker.handler("fails")
        def fail() -> None:
            at.append(time.monotonic())
            raise ValueError

        producer.enqueue("fails", max_attempts=3)
        worker.start(1)
        eventually(lambda: told.buried, "the burial")

        assert at[1] - at[0] >= 0.1
        assert at[2] - at[1] >= 0.2
