"""Which types a worker runs: those with a handler, and those that the gate lets through."""

from __future__ import annotations

import logging
import random
import threading
import time
from typing import Any

import pytest

from gofastr_queue import Job, Queue
from gofastr_queue.records import Outcome, Release
from gofastr_queue_conformance.harness import put
from gofastr_queue_conformance.watching import (
    Around,
    Hire,
    Told,
    Worked,
    eventually,
    left,
    naming,
    never,
)

SOON = 1.0
"""Seconds in which a job starts after its gate opened: three times what is promised."""


class GivenBack(Around):
    """Counts the claims that the store took back uncounted."""

    def __init__(self) -> None:
        super().__init__()
        self.ids: list[str] = []

    def after(self, operation: str, result: Any) -> None:
        releases: tuple[Release, ...] = ()
        if operation == "queue_turn":
            releases = result[0].releases
        elif operation == "queue_nack":
            releases = tuple(result)
        self.ids += [one.claim.job.id for one in releases if one.outcome is Outcome.GIVE_BACK]


class GateContract(Worked):
    """A closed type is not run, not dropped and not counted; it runs soon after it opens."""

    def test_a_closed_type_waits_uncounted_and_runs_soon_after_it_opens(
        self, producer: Queue, hire: Hire
    ) -> None:
        told = Told()
        worker = hire(plugins=[told])
        opened = threading.Event()
        attempts: list[int] = []
        worker.register_handler("closed", lambda job: attempts.append(job.attempts))
        worker.register_handler("open", lambda: None)
        waiting = put(producer, *(Job(type="closed", max_attempts=1) for _ in range(300)))
        passing = [producer.enqueue("open").id for _ in range(3)]
        worker.start(2, gate=lambda asked: asked != "closed" or opened.is_set(), poll=20)
        eventually(lambda: len(told.finished) == 3, "the open type, behind the closed one")
        never(lambda: attempts, "a closed type ran", during=0.2)
        finished = list(told.finished)
        opened.set()
        eventually(lambda: attempts, "the type that opened", within=SOON)
        eventually(lambda: len(told.finished) == 303, "all of them")

        assert sorted(finished) == sorted(passing)
        assert attempts == [1] * 300
        assert told.dropped == told.failed == []
        assert {job.id for job in waiting} <= set(told.finished)

    def test_a_closed_type_uses_no_attempt(self, producer: Queue, hire: Hire) -> None:
        told = Told()
        worker = hire(plugins=[told])
        worker.register_handler("closed", lambda: None)
        worker.register_handler("open", lambda: None)
        closed = producer.enqueue("closed")
        producer.enqueue("open")
        worker.start(2, gate=lambda asked: asked == "open")
        eventually(lambda: told.finished, "the open type")
        worker.close(timeout=5)

        assert left(producer) == {closed.id: 0}

    def test_a_claimed_job_whose_type_the_gate_closes_is_released_uncounted(
        self, producer: Queue, hire: Hire
    ) -> None:
        told, given_back = Told(), GivenBack()
        worker = hire(plugins=[told, given_back])
        opened = threading.Event()
        attempts: list[int] = []
        chance = random.Random(7)  # noqa: S311 - the same course every time

        def flickers(_type: str) -> bool:
            return opened.is_set() or chance.random() < 0.5  # often open for a claim, not its start

        worker.register_handler("flickers", lambda job: attempts.append(job.attempts))
        jobs = put(producer, *(Job(type="flickers", max_attempts=1) for _ in range(20)))
        worker.start(1, gate=flickers, poll=0.05)
        eventually(lambda: given_back.ids, "a claim given back")
        opened.set()
        eventually(lambda: len(told.finished) == 20, "every run")

        assert sorted(told.finished) == sorted(job.id for job in jobs)
        assert attempts == [1] * 20
        assert told.failed == []

    def test_a_gate_that_raises_keeps_the_type_closed_and_the_worker_alive(
        self, producer: Queue, hire: Hire
    ) -> None:
        told = Told()
        worker = hire(plugins=[told])
        mended = threading.Event()

        def gate(type: str) -> bool:
            if type == "asked" and not mended.is_set():
                raise LookupError(type)
            return True

        worker.register_handler("asked", lambda: None)
        worker.register_handler("other", lambda: None)
        asked = producer.enqueue("asked", max_attempts=1)
        other = producer.enqueue("other")
        worker.start(1, gate=gate)
        eventually(lambda: told.finished, "the other type")
        never(lambda: asked.id in told.started, "the type ran", during=0.2)
        mended.set()
        eventually(lambda: len(told.finished) == 2, "the type whose gate was mended")

        assert told.finished == [other.id, asked.id]


class RegisteringContract(Worked):
    """Types without a handler are dropped aloud or left alone; handlers may come late."""

    def test_a_type_without_a_handler_is_dropped_with_a_warning(
        self, producer: Queue, hire: Hire, caplog: pytest.LogCaptureFixture
    ) -> None:
        told = Told()
        worker = hire(plugins=[told])
        ran: list[str] = []
        worker.register_handler("known", lambda job: ran.append(job.id))
        unknown = producer.enqueue("unknown")
        known = producer.enqueue("known")
        worker.start(1)
        eventually(lambda: told.dropped and told.finished, "the drop and the run")

        assert told.dropped == [unknown.id]
        assert ran == told.finished == [known.id]
        assert naming(caplog.records, logging.WARNING, unknown.id, "unknown")
        assert left(producer) == {}

    def test_types_without_a_handler_are_never_claimed_when_left(
        self, producer: Queue, hire: Hire
    ) -> None:
        told = Told()
        worker = hire(plugins=[told])
        worker.register_handler("known", lambda: None)
        unknown = [producer.enqueue("unknown").id for _ in range(3)]
        producer.enqueue("known")
        worker.start(2, unregistered="leave", poll=0.05)
        eventually(lambda: told.finished, "the known type")
        never(lambda: told.dropped, "a drop", during=0.15)
        worker.close(timeout=5)

        assert left(producer) == dict.fromkeys(unknown, 0)

    @pytest.mark.parametrize("unregistered", ["drop", "leave"])
    def test_a_worker_without_handlers_claims_nothing_and_says_so(
        self, producer: Queue, hire: Hire, caplog: pytest.LogCaptureFixture, unregistered: str
    ) -> None:
        worker = hire()
        job = producer.enqueue("work")
        worker.start(2, unregistered=unregistered, poll=0.05)
        time.sleep(0.15)
        worker.close(timeout=5)

        assert naming(caplog.records, logging.WARNING, "no handler is registered")
        assert left(producer) == {job.id: 0}

    @pytest.mark.parametrize("unregistered", ["drop", "leave"])
    def test_a_handler_registered_while_the_worker_runs_is_used_at_once(
        self, producer: Queue, hire: Hire, unregistered: str
    ) -> None:
        told = Told()
        worker = hire(plugins=[told])
        early = producer.enqueue("late")
        worker.start(1, unregistered=unregistered, poll=30)
        time.sleep(0.1)
        worker.register_handler("late", lambda: None)
        eventually(lambda: told.finished, "the job that waited for a handler")

        assert told.finished == [early.id]
        assert told.dropped == []
