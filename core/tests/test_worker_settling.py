"""A worker on a backend that settles in several steps, some of which fail."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Generator, Sequence
from typing import Any, cast

import pytest

from gofastr_queue import Claim, Job, Queue, hookimpl
from gofastr_queue.backends import Backend
from gofastr_queue.capabilities import Capability
from gofastr_queue.errors import BackendUnavailable
from gofastr_queue.records import Release
from gofastr_queue_memory import MemoryBackend


class StepByStep(MemoryBackend):
    """The memory backend without TURN: it acks, nacks and claims in calls of their own."""

    queue_turn = None  # type: ignore[assignment] # no hook, so no capability


class Faulty:
    """Refuses acks or nacks while told to, and keeps what observers are told."""

    def __init__(self) -> None:
        self.acks_fail = self.nacks_fail = False
        self.refused = 0
        self.started: list[str] = []
        self.finished: list[str] = []
        self.failed: list[str] = []
        self.dropped: list[str] = []
        self.stale: list[str] = []

    @hookimpl(wrapper=True)
    def queue_ack(self) -> Generator[None, Any, Any]:
        self._refuse(self.acks_fail)
        return (yield)

    @hookimpl(wrapper=True)
    def queue_nack(self) -> Generator[None, Any, Any]:
        self._refuse(self.nacks_fail)
        return (yield)

    def _refuse(self, refuse: bool) -> None:
        if refuse:
            self.refused += 1
            raise BackendUnavailable("the store is away")

    @hookimpl
    def jobs_started(self, claims: Sequence[Claim]) -> None:
        self.started += [claim.job.id for claim in claims]

    @hookimpl
    def jobs_finished(self, claims: Sequence[Claim]) -> None:
        self.finished += [claim.job.id for claim in claims]

    @hookimpl
    def jobs_failed(self, releases: Sequence[Release]) -> None:
        self.failed += [release.claim.job.id for release in releases]

    @hookimpl
    def jobs_dropped(self, jobs: Sequence[Job]) -> None:
        self.dropped += [job.id for job in jobs]

    @hookimpl
    def claims_stale(self, claims: Sequence[Claim]) -> None:
        self.stale += [claim.job.id for claim in claims]


def opened(backend: type[MemoryBackend], plugin: Faulty) -> Queue:
    return Queue(cast(Backend, backend()), plugins=[plugin])  # as backends.connect does


def eventually(happened: Callable[[], object]) -> None:
    deadline = time.monotonic() + 10
    while not happened():
        assert time.monotonic() < deadline, "not within 10 s"
        time.sleep(0.005)


def test_a_backend_without_turn_runs_jobs_all_the_same() -> None:
    faulty = Faulty()
    with opened(StepByStep, faulty) as queue:
        queue.register_handler("work", lambda: None)
        ids = [queue.enqueue("work").id for _ in range(50)]
        queue.start(2)
        eventually(lambda: len(faulty.finished) == 50)

        assert Capability.TURN not in queue.capabilities
        assert sorted(faulty.finished) == sorted(ids)


def test_what_was_acked_before_a_failing_nack_is_told_as_finished_and_never_as_stale() -> None:
    faulty = Faulty()
    faulty.acks_fail = faulty.nacks_fail = True
    together = threading.Barrier(8)
    with opened(StepByStep, faulty) as queue:

        @queue.handler("work")
        def work(job: Job) -> None:
            together.wait(10)
            if job.payload == "fails":
                raise ValueError

        jobs = [
            Job(type="work", payload=payload, max_attempts=1) for payload in ["works", "fails"] * 4
        ]
        stored = queue.enqueue_many(jobs)
        queue.start(8)
        eventually(lambda: faulty.refused >= 2)  # by then all eight are settled together
        before = faulty.refused
        faulty.acks_fail = False
        eventually(lambda: faulty.refused > before)  # acked, but not nacked
        faulty.nacks_fail = False
        eventually(lambda: len(faulty.failed) == 4)
        eventually(lambda: faulty.stale or len(faulty.finished) == 4)

    assert faulty.stale == []
    assert sorted(faulty.finished) == sorted(one.id for one in stored if one.payload == "works")
    assert sorted(faulty.failed) == sorted(one.id for one in stored if one.payload == "fails")


@pytest.mark.parametrize("backend", [StepByStep, MemoryBackend])
def test_a_drop_that_fails_is_made_up_for_and_touches_nothing_else(
    backend: type[MemoryBackend], caplog: pytest.LogCaptureFixture
) -> None:
    faulty = Faulty()
    with opened(backend, faulty) as queue:
        queue.register_handler("work", lambda: None)
        faulty.acks_fail = True
        unknown = queue.enqueue("unknown").id
        queue.start(1)
        eventually(lambda: faulty.refused)
        faulty.acks_fail = False
        known = queue.enqueue("work").id
        eventually(lambda: faulty.finished)
        queue.join(1)

        assert faulty.stale == []
        assert faulty.finished == [known]
        errors = [record for record in caplog.records if record.levelno == logging.ERROR]
        assert any(unknown in f"{one.getMessage()} {vars(one)}" for one in errors)
