"""A store that fails, and plugins that do: nothing is lost and the worker goes on."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from datetime import timedelta

import pytest

from gofastr_queue import Claim, Context, Job, Queue, hookimpl
from gofastr_queue.capabilities import Capability
from gofastr_queue.errors import BackendUnavailable
from gofastr_queue_conformance.harness import put
from gofastr_queue_conformance.watching import (
    OPERATIONS,
    Around,
    Hire,
    Outage,
    Told,
    Worked,
    eventually,
    left,
    naming,
    never,
)

RESUMED = 15.0
"""Three times the seconds in which a worker is at work again after an outage."""

CLAIMING = ("queue_claim", "queue_turn")
SETTLING = ("queue_ack", "queue_nack", "queue_turn")
PARTS = {
    "claiming": CLAIMING,
    "settling": SETTLING,
    "waiting": ("queue_wait", "queue_wake"),
    "reclaiming": ("queue_reclaim",),
    "everything": tuple(set(OPERATIONS) - {"queue_put", "queue_close"}),
}

ERRORS: dict[str, Callable[[], Exception]] = {
    "unavailable": lambda: BackendUnavailable("the store is away"),
    "unexpected": lambda: RuntimeError("nobody thought of this"),
}


class OutageContract(Worked):
    """A worker outlives its store's failures."""

    @pytest.mark.parametrize(
        ("part", "error"),
        [*((part, "unavailable") for part in sorted(PARTS)), ("everything", "unexpected")],
    )
    def test_nothing_is_lost_by_an_outage_and_work_resumes(
        self, producer: Queue, hire: Hire, part: str, error: str
    ) -> None:
        told, outage = Told(), Outage(error=ERRORS[error])
        worker = hire(plugins=[told, outage], lease=timedelta(seconds=0.9))

        @worker.handler("plain")
        def plain() -> None:
            time.sleep(0.02)

        @worker.handler("tasked")
        async def tasked() -> None:
            await asyncio.sleep(0.02)

        worker.start(2, concurrency=2, reclaim_interval=0.2, poll=0.2)
        ids = _enqueue(producer, 10)
        eventually(lambda: told.finished, "work before the outage")
        outage.down = frozenset(PARTS[part])
        ids += _enqueue(producer, 10)
        if part != "waiting" or Capability.WAKE in worker.capabilities:
            eventually(lambda: outage.refused, "a refused call")
        time.sleep(0.1)
        outage.down = frozenset()
        ids += _enqueue(producer, 10)
        eventually(lambda: set(told.finished) == set(ids), "all jobs", within=RESUMED)

        assert left(producer) == {}

    @pytest.mark.parametrize("part", ["claiming", "settling", "everything"])
    def test_nothing_is_lost_when_the_store_acts_but_its_reply_is_lost(
        self, producer: Queue, hire: Hire, part: str
    ) -> None:
        outage = Outage(lost_reply=True)
        worker = hire(plugins=[outage], lease=timedelta(seconds=0.4))
        ran: set[str] = set()

        @worker.handler("work")
        def work(job: Job) -> None:
            ran.add(job.id)
            time.sleep(0.02)

        worker.start(2, reclaim_interval=0.1, poll=0.2)
        jobs = put(producer, *(Job(type="work", max_attempts=9) for _ in range(20)))
        eventually(lambda: ran, "work before the outage")
        outage.down = frozenset(PARTS[part])
        eventually(lambda: outage.refused, "a lost reply")
        time.sleep(0.1)
        outage.down = frozenset()
        eventually(lambda: len(ran) == 20, "all jobs", within=RESUMED)

        assert ran == {job.id for job in jobs}
        eventually(lambda: _none_claimed(worker), "every claim settled or taken back")
        assert left(producer) == {}

    def test_what_finished_in_an_outage_runs_once_and_is_acked_after_it(
        self, producer: Queue, hire: Hire, caplog: pytest.LogCaptureFixture
    ) -> None:
        told, outage = Told(), Outage()
        worker = hire(plugins=[told, outage])
        runs: list[str] = []

        @worker.handler("work")
        def work(job: Job) -> None:
            outage.down = frozenset(SETTLING)
            runs.append(job.id)

        job = producer.enqueue("work")
        worker.start(1)
        eventually(lambda: outage.refused, "the refused ack")
        never(lambda: told.finished, "told as finished although it was not acked", during=0.15)
        errors = naming(caplog.records, logging.ERROR, job.id)
        outage.down = frozenset()
        eventually(lambda: told.finished, "the ack", within=RESUMED)

        assert runs == told.finished == told.started == [job.id]
        assert told.stale == []
        assert errors, "the failed ack was not logged with the job's id"

    @pytest.mark.parametrize("error", sorted(ERRORS))
    def test_a_lease_that_is_not_renewed_is_logged_and_cancels_when_it_is_over(
        self, producer: Queue, hire: Hire, caplog: pytest.LogCaptureFixture, error: str
    ) -> None:
        outage = Outage(["queue_extend"], error=ERRORS[error])
        worker = hire(plugins=[outage], lease=timedelta(seconds=0.4))
        ran: list[tuple[bool, float]] = []

        @worker.handler("waits")
        def wait(context: Context) -> None:
            began = time.monotonic()
            ran.append((context.wait(timedelta(seconds=10)), time.monotonic() - began))

        @worker.handler("works")
        def work(context: Context) -> None:
            time.sleep(0.5)
            ran.append((context.cancelled, 0))

        job = producer.enqueue("waits", max_attempts=1)
        worker.start(1)
        eventually(lambda: ran, "the handler's end")
        outage.down = frozenset()
        producer.enqueue("works")
        eventually(lambda: len(ran) == 2, "a long job after the outage")

        assert [cancelled for cancelled, _ in ran] == [True, False]
        assert ran[0][1] >= 0.2  # not at the first failure: two more tries fit into a lease
        assert naming(caplog.records, logging.ERROR, job.id)

    def test_an_outage_fills_no_log(
        self, producer: Queue, hire: Hire, caplog: pytest.LogCaptureFixture
    ) -> None:
        told, outage = Told(), Outage()
        worker = hire(plugins=[told, outage])

        @worker.handler("tasked")
        async def tasked() -> None:
            await asyncio.sleep(0)

        worker.register_handler("plain", lambda: None)
        worker.start(2, lanes={"high": 1})
        producer.enqueue("plain")
        eventually(lambda: told.finished, "work before the outage")
        caplog.clear()
        outage.down = frozenset(PARTS["everything"])
        for _ in range(4):
            producer.enqueue("plain")  # each is a hint
            time.sleep(0.25)
        lines = len(caplog.records)
        outage.down = frozenset()
        eventually(lambda: len(told.finished) == 5, "all jobs", within=RESUMED)

        assert lines <= 5, f"{lines} lines in 1 s"
        assert lines, "an outage is worth a word"


class PluginsContract(Worked):
    """Plugins see every operation; observers are told once and can stop nothing."""

    def test_observers_are_told_of_each_event_once(self, producer: Queue, hire: Hire) -> None:
        told = Told()
        worker = hire(plugins=[told])

        @worker.handler("fails-once")
        def fail_once(job: Job) -> None:
            if job.attempts == 1:
                raise ValueError

        @worker.handler("fails")
        def fail() -> None:
            raise ValueError

        worker.register_handler("works", lambda: None)
        works = worker.enqueue("works").id
        once = worker.enqueue("fails-once").id
        fails = worker.enqueue("fails", max_attempts=2).id
        unknown = worker.enqueue("unknown").id
        worker.start(1)
        eventually(
            lambda: len(told.finished) == 2 and told.buried and told.dropped, "every job's end"
        )
        worker.close(timeout=5)

        assert told.enqueued == [works, once, fails, unknown]
        assert sorted(told.started) == sorted([works, once, once, fails, fails])
        assert sorted(told.finished) == sorted([works, once])
        assert sorted(told.failed) == sorted([once, fails, fails])
        assert (told.buried, told.dropped, told.stale) == ([fails], [unknown], [])
        assert producer.claim(1) == []

    def test_an_observer_that_raises_stops_nothing(
        self, producer: Queue, hire: Hire, caplog: pytest.LogCaptureFixture
    ) -> None:
        told = Told()
        worker = hire(plugins=[_Raises(), told])
        worker.register_handler("work", lambda: None)
        ids = [worker.enqueue("work").id for _ in range(10)]
        worker.start(2)
        eventually(lambda: len(told.finished) == 10, "all jobs")

        assert told.enqueued == ids
        assert sorted(told.started) == sorted(told.finished) == sorted(ids)
        assert naming(caplog.records, logging.ERROR, "jobs_started")
        assert producer.claim(1) == []

    def test_a_plugin_round_every_operation_sees_each_of_them(
        self, producer: Queue, hire: Hire
    ) -> None:
        around = Around()
        worker = hire(plugins=[around])
        able = worker.capabilities
        worker.register_handler("work", lambda: None)
        worker.enqueue("work")
        worker.ack(worker.dequeue())
        worker.enqueue("work")
        worker.nack(worker.dequeue(), "for the record")
        claim = worker.dequeue()
        worker.extend(claim)
        worker.release(claim)
        worker.reclaim()
        if Capability.BROWSE in able:
            worker.stats()
            worker.list_jobs()
        if Capability.REPLAY in able:
            worker.replay_many()
            worker.purge("failed")
        if Capability.DIAGNOSE in able:
            worker.diagnose()
        worker.start(1)
        eventually(lambda: producer.claim(1) == [], "the work")
        if Capability.WAKE in able:
            eventually(lambda: around.calls["queue_wait"], "an idle worker's wait")
        worker.close(timeout=5)

        optional = {
            "queue_browse": Capability.BROWSE,
            "queue_stats": Capability.BROWSE,
            "queue_replay": Capability.REPLAY,
            "queue_purge": Capability.REPLAY,
            "queue_wait": Capability.WAKE,
            "queue_wake": Capability.WAKE,
            "queue_turn": Capability.TURN,
            "queue_diagnose": Capability.DIAGNOSE,
        }
        expected = {name for name in OPERATIONS if name not in optional or optional[name] in able}
        assert set(around.calls) == expected


class _Raises:
    """An observer that fails whatever it is told."""

    @hookimpl
    def jobs_enqueued(self, jobs: Sequence[Job]) -> None:
        raise ValueError(len(jobs))

    @hookimpl
    def jobs_started(self, claims: Sequence[Claim]) -> None:
        raise ValueError(len(claims))

    @hookimpl
    def jobs_finished(self, claims: Sequence[Claim]) -> None:
        raise ValueError(len(claims))


def _enqueue(queue: Queue, count: int) -> list[str]:
    kinds = ("plain", "tasked")
    jobs = [Job(type=kinds[number % 2], max_attempts=9) for number in range(count)]
    return [job.id for job in put(queue, *jobs)]


def _none_claimed(queue: Queue) -> bool:
    return Capability.BROWSE not in queue.capabilities or queue.stats()["claimed"] == 0
