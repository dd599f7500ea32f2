"""A Scheduler: what is registered, which queues get it, and what it survives."""

from __future__ import annotations

import logging
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gofastr_queue import (
    BackendUnavailable,
    Capability,
    CorruptSchedule,
    InvalidJob,
    InvalidOption,
    InvalidSchedule,
    Job,
    Queue,
    Scheduler,
    UnsupportedOperation,
    hookimpl,
)
from gofastr_queue.records import Draft, Put
from gofastr_queue.schedules import read
from gofastr_queue.testing import FakeClock
from gofastr_queue_memory import MemoryBackend

SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)


class WithoutSchedules(MemoryBackend):
    """A store that keeps no schedules; its puts fail while ``broken``."""

    schedule_put = None  # type: ignore[assignment] # no hook of that name, so no capability
    broken = False

    @hookimpl
    def queue_put(
        self, drafts: Sequence[Draft], on_conflict: str, now: datetime | None
    ) -> list[Put]:
        if self.broken:
            raise BackendUnavailable("no store today")
        return super().queue_put(drafts, on_conflict, now)


class Seen:
    def __init__(self) -> None:
        self.enqueued: list[Job] = []

    @hookimpl
    def jobs_enqueued(self, jobs: Sequence[Job]) -> None:
        self.enqueued += jobs


class Sealed:
    """A payload plugin: each text is sealed differently."""

    def __init__(self) -> None:
        self.seals = 0

    @hookimpl
    def payload_out(self, text: str, headers: dict[str, str]) -> str:
        self.seals += 1
        headers["seal"] = str(self.seals)
        return f"{self.seals}:{text}"

    @hookimpl
    def payload_in(self, text: str, headers: dict[str, str]) -> str:
        seal, _, inner = text.partition(":")
        assert seal == headers["seal"]
        return inner


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def queue(clock: FakeClock) -> Iterator[Queue]:
    with Queue.open("memory://", clock=clock) as queue:
        yield queue


@pytest.fixture
def bare(clock: FakeClock) -> Iterator[Queue]:
    with Queue(WithoutSchedules(), clock=clock) as queue:
        assert Capability.SCHEDULE not in queue.capabilities
        yield queue


def occurrences(queue: Queue) -> list[datetime | None]:
    return [claim.job.occurrence for claim in queue.claim(10_000)]


def test_each_queue_gets_every_job_whether_it_keeps_schedules_or_not(
    queue: Queue, bare: Queue, clock: FakeClock
) -> None:
    scheduler = Scheduler(queue, bare, queue)
    scheduler.every(MINUTE, "digest", {"n": 1})
    began = clock.now()
    for _ in range(3):
        clock.advance(MINUTE)
        assert scheduler.run_once() == 2

    assert occurrences(queue) == occurrences(bare) == [began + n * MINUTE for n in (1, 2, 3)]


@pytest.mark.parametrize("kept", [True, False])
def test_a_cron_schedule_fires_at_its_times_and_not_between(
    queue: Queue, bare: Queue, *, kept: bool
) -> None:
    where = queue if kept else bare
    scheduler = Scheduler(where)
    base = datetime(2026, 1, 1, 1, 30, tzinfo=UTC)
    scheduler.cron("0 2 * * *", "nightly", start_at=base)

    counts = [
        scheduler.run_once(base + after)
        for after in (29 * MINUTE, 30 * MINUTE, 22 * HOUR, 24 * HOUR + 30 * MINUTE)
    ]

    assert counts == [0, 1, 0, 1]


def test_an_interval_begins_one_period_after_registration_or_at_its_start(
    queue: Queue, clock: FakeClock
) -> None:
    now = clock.now()
    scheduler = Scheduler(queue)
    scheduler.every(MINUTE, "after")
    scheduler.every(MINUTE, "at", start_at=now)
    scheduler.every(MINUTE, "later", start_at=now + 90 * SECOND)

    assert scheduler.run_once() == 1
    assert [one.next_fire for one in queue.schedules()] == [
        now + MINUTE,
        now + MINUTE,
        now + 90 * SECOND,
    ]


@pytest.mark.parametrize("tz", ["America/New_York", "Australia/Lord_Howe", "UTC"])
def test_prompt_looks_and_one_late_look_find_the_same(tz: str, clock: FakeClock) -> None:
    clock.advance(datetime(2026, 4, 4, tzinfo=UTC) - clock.now())
    with (
        Queue.open("memory://", clock=clock) as prompt,
        Queue.open("memory://", clock=clock) as late,
    ):
        for queue in (prompt, late):
            Scheduler(queue).cron("*/15 * * * *", "quarter", tz=tz, catch_up="all")
            Scheduler(queue).cron("0,30 1 * * *", "fixed", tz=tz, catch_up="all")
        looks = Scheduler(prompt)
        for _ in range(2 * 24 * 12):
            clock.advance(5 * MINUTE)
            looks.run_once()
        Scheduler(late).run_once()

        ids = [sorted(job.id for job in queue.list_jobs(limit=1_000)) for queue in (prompt, late)]

    assert ids[0] == ids[1]
    assert len(ids[0]) == 2 * 24 * 4 + 4


MARGIN = 3
"""Times the second that it may take: a machine may be slow, or have other work."""


def a_year_of_hours() -> float:
    """Fire each hour of a year, and return how many seconds of work it was."""
    clock = FakeClock()
    with Queue.open("memory://", clock=clock) as queue:
        scheduler = Scheduler(queue)
        scheduler.cron("0 * * * *", "hourly", tz="America/New_York")
        began = time.process_time()
        fired = 0
        for _ in range(365 * 24):
            clock.advance(HOUR)
            fired += scheduler.run_once()
        took = time.process_time() - began
        assert fired == queue.stats()["pending"] == 365 * 24
    return took


def test_a_year_of_hours_passes_within_a_second() -> None:
    assert any(a_year_of_hours() < MARGIN for _ in range(3)), "others use the machine too"


def test_a_tick_that_could_not_be_enqueued_is_tried_again_and_the_others_fire(
    queue: Queue, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    backend = WithoutSchedules()
    with Queue(backend, clock=clock) as bare:
        scheduler = Scheduler(bare, queue)
        scheduler.every(MINUTE, "digest")
        backend.broken = True
        with caplog.at_level(logging.ERROR):
            clock.advance(MINUTE)
            assert [scheduler.run_once() for _ in range(3)] == [1, 0, 0]
        backend.broken = False

        assert scheduler.run_once() == 1
        assert len(caplog.records) == 1
        assert "no store today" in caplog.text
        assert occurrences(bare) == occurrences(queue) == [clock.now()]


def test_an_overlap_is_skipped_where_no_schedules_are_kept(bare: Queue, clock: FakeClock) -> None:
    scheduler = Scheduler(bare)
    scheduler.every(MINUTE, "slow", overlap="skip")
    counts = []
    for round in range(4):
        clock.advance(MINUTE)
        counts.append(scheduler.run_once())
        if round == 1:
            bare.ack(bare.dequeue())

    assert counts == [1, 0, 1, 0]


def test_two_processes_that_keep_their_own_schedules_make_the_same_ids(
    bare: Queue, clock: FakeClock
) -> None:
    one, two = Scheduler(bare), Scheduler(bare)
    for scheduler in (one, two):
        scheduler.every(MINUTE, "digest", start_at=clock.now())

    assert (one.run_once(), two.run_once()) == (1, 0)


def test_observers_are_told_of_scheduled_jobs(clock: FakeClock) -> None:
    seen = Seen()
    with Queue.open("memory://", clock=clock, plugins=[seen]) as queue:
        scheduler = Scheduler(queue)
        scheduler.every(MINUTE, "digest", {"n": 1})
        clock.advance(MINUTE)
        scheduler.run_once()
        queue.run_schedule("digest")

    assert [(job.type, job.payload, job.occurrence) for job in seen.enqueued] == [
        ("digest", {"n": 1}, clock.now())
    ]


def test_payload_plugins_write_each_job_anew(clock: FakeClock) -> None:
    with Queue.open("memory://", clock=clock, plugins=[Sealed()]) as queue:
        scheduler = Scheduler(queue)
        scheduler.every(MINUTE, "digest", {"n": 1})
        jobs = []
        for _ in range(2):
            clock.advance(MINUTE)
            scheduler.run_once()
            jobs.append(queue.dequeue().job)
        (shown,) = queue.schedules()

    assert [job.payload for job in jobs] == [{"n": 1}] * 2
    assert len({job.headers["seal"] for job in jobs}) == 2
    assert shown.payload == {"n": 1}


REFUSED: dict[str, Callable[[Scheduler], object]] = {
    "no period": lambda one: one.every(timedelta(0), "mail"),
    "seconds": lambda one: one.every(5, "mail"),  # type: ignore[arg-type] # as a user might
    "bad spec": lambda one: one.cron("0 0 30 2 *", "mail"),
    "junk": lambda one: one.cron("x" * 10_240, "mail"),
    "bad zone": lambda one: one.cron("* * * * *", "mail", tz="Mars"),
    "bad policy": lambda one: one.every(MINUTE, "mail", catch_up="some"),
    "bad overlap": lambda one: one.every(MINUTE, "mail", overlap="wait"),
    "long id": lambda one: one.every(MINUTE, "mail", id="x" * 201),
    "newline in id": lambda one: one.every(MINUTE, "mail", id="a\nb"),
    "no type": lambda one: one.every(MINUTE, ""),
    "bad payload": lambda one: one.every(MINUTE, "mail", (1, 2)),
    "bad priority": lambda one: one.every(MINUTE, "mail", priority=2**31),
    "bad attempts": lambda one: one.every(MINUTE, "mail", max_attempts=-1),
    "true attempts": lambda one: one.every(MINUTE, "mail", max_attempts=True),
    "naive start": lambda one: one.every(MINUTE, "mail", start_at=datetime(2026, 1, 1)),  # noqa: DTZ001
}


@pytest.mark.parametrize("register", REFUSED.values(), ids=REFUSED.keys())
def test_what_can_never_work_is_refused_and_registers_nothing(
    queue: Queue, bare: Queue, register: Callable[[Scheduler], object]
) -> None:
    scheduler = Scheduler(bare, queue)

    with pytest.raises((InvalidSchedule, InvalidJob)):
        register(scheduler)

    assert queue.schedules() == []


@pytest.mark.parametrize("count", [-1, True, 1.5])
def test_an_impossible_number_of_occurrences_is_refused(queue: Queue, count: Any) -> None:
    with pytest.raises(InvalidOption, match="occurrences"):
        queue.schedules(occurrences=count)


def test_a_type_names_its_schedule_once(queue: Queue) -> None:
    scheduler = Scheduler(queue)
    scheduler.every(MINUTE, "digest")

    with pytest.raises(InvalidSchedule, match="id="):
        scheduler.cron("@daily", "digest")

    scheduler.cron("@daily", "digest", id="daily")
    assert [one.id for one in queue.schedules()] == ["daily", "digest"]


@pytest.mark.parametrize("queues", [(), ("sqlite:///jobs.db",), (None,)])
def test_a_scheduler_needs_queues(queues: tuple[Any, ...]) -> None:
    with pytest.raises(InvalidOption):
        Scheduler(*queues)


def test_a_logger_of_ones_own_is_told(bare: Queue, caplog: pytest.LogCaptureFixture) -> None:
    scheduler = Scheduler(bare, logger=logging.getLogger("mine"))
    scheduler.every(SECOND, "digest")
    bare.close()

    scheduler.run_once()
    with caplog.at_level(logging.INFO, "mine"):
        Scheduler(bare, logger=logging.getLogger("mine")).run_once()

    assert [record.name for record in caplog.records] == ["mine"]


def test_it_starts_and_stops_any_number_of_times(queue: Queue) -> None:
    scheduler = Scheduler(queue)
    scheduler.stop()
    scheduler.start()
    scheduler.start()
    scheduler.stop()
    scheduler.stop()
    scheduler.start()
    running = [one for one in threading.enumerate() if one.name == "gofastr-queue-scheduler"]
    scheduler.stop()

    assert len(running) == 1
    assert not running[0].is_alive()


def test_it_ends_when_its_queues_are_closed() -> None:
    queue = Queue.open("memory://")
    scheduler = Scheduler(queue)
    scheduler.start()
    (thread,) = [one for one in threading.enumerate() if one.name == "gofastr-queue-scheduler"]
    queue.close()
    scheduler._woken.set()
    thread.join(10)

    assert not thread.is_alive()


def test_run_in_a_thread_returns_after_stop(queue: Queue) -> None:
    scheduler = Scheduler(queue)
    thread = threading.Thread(target=scheduler.run)
    thread.start()
    scheduler.stop()
    while thread.is_alive():
        scheduler.stop()
        thread.join(0.05)


@pytest.mark.skipif(sys.platform == "win32", reason="SIGTERM ends a process at once there")
def test_run_fires_until_sigterm() -> None:
    code = (
        "from datetime import timedelta\n"
        "from gofastr_queue import Queue, Scheduler\n"
        "queue = Queue.open('memory://')\n"
        "queue.register_handler('tick', lambda job: print('fired', flush=True))\n"
        "queue.start(1)\n"
        "scheduler = Scheduler(queue)\n"
        "scheduler.every(timedelta(milliseconds=50), 'tick')\n"
        "scheduler.run()\n"
        "print('stopped')\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        rest = process.stdout.read()
        code_of_exit = process.wait(30)

    assert first == "fired\n"
    assert rest.endswith("stopped\n")
    assert code_of_exit == 0


def test_what_needs_a_capability_is_refused_at_registration() -> None:
    class Poor(WithoutSchedules):
        queue_stats = None  # type: ignore[assignment] # as above
        capabilities = frozenset()

    with Queue(Poor()) as queue:
        scheduler = Scheduler(queue)
        with pytest.raises(UnsupportedOperation, match="browse"):
            scheduler.every(MINUTE, "mail", overlap="skip")
        with pytest.raises(UnsupportedOperation, match="priority"):
            scheduler.every(MINUTE, "mail", priority=1)


def test_a_job_is_of_no_schedule_unless_its_header_says_a_moment() -> None:
    assert Job(type="mail").occurrence is None
    for text in ("", "yesterday", "2026-01-01T00:00:00", "\0"):
        assert Job(type="mail", headers={"occurrence": text}).occurrence is None
    told = Job(type="mail", headers={"occurrence": "2026-01-01T00:00:00+00:00"})
    assert told.occurrence == datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    "text", ["", "1", "{}", "[]", '"', '{"type": 1}', "[" * 100_000, '{"every": 1e999}']
)
def test_any_stored_text_is_read_or_said_to_be_corrupt(text: str) -> None:
    with pytest.raises(CorruptSchedule):
        read(text)
