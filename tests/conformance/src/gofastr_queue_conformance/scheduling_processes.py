"""Several schedulers on one store, killed, stopped, and with clocks that are wrong."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from attrs import field, frozen

from gofastr_queue import Capability, Queue, Scheduler
from gofastr_queue.records import Fate
from gofastr_queue_conformance.harness import Contract, Harness, lacks
from gofastr_queue_conformance_workers import environment

SECOND = timedelta(seconds=1)

PATIENCE = 30.0
"""Seconds that an interpreter may take to start or to end."""


@frozen
class Ordeal:
    """Seconds that it lasts, between two kills, that one is stopped, that clocks are wrong by."""

    lasts: int
    kills: float
    stops: float
    wrong: float

    @property
    def enough(self) -> int:
        """Ticks that somebody must have fired, or nothing was shown."""
        return max(1, self.lasts // 3)


SHORT, LONG = Ordeal(2, 1, 1, 0.5), Ordeal(60, 7, 10, 2)

Process = subprocess.Popen[str]


@frozen
class Schedulers:
    """Three processes that each run a scheduler, two by wrong clocks; what dies is replaced."""

    url: str
    wrong: float
    processes: list[Process] = field(factory=list)

    def start(self) -> None:
        """Start all."""
        self.processes.extend(self._start(number) for number in range(3))
        for process in self.processes:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"

    def replace(self, number: int) -> None:
        """Kill one, and start another with its clock."""
        self.processes[number].kill()
        self.processes[number].communicate(timeout=PATIENCE)
        self.processes[number] = self._start(number)

    def end(self) -> list[int]:
        """End all by SIGTERM; return their exit codes."""
        for process in self.processes:
            process.send_signal(signal.SIGCONT)
            process.send_signal(signal.SIGTERM)
        for process in self.processes:
            try:
                process.communicate(timeout=PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()
        return [process.returncode for process in self.processes]

    def _start(self, number: int) -> Process:
        ahead = (number - 1) * self.wrong
        command = [sys.executable, "-m", "gofastr_queue_conformance_workers.schedule"]
        return subprocess.Popen(
            [*command, f"--ahead={ahead}"],
            env=environment(self.url),
            stdout=subprocess.PIPE,
            text=True,
        )


class ScheduledProcessesContract(Contract):
    """One fire per tick, whatever befalls the processes that fire."""

    TOPIC = "scheduling"

    @pytest.fixture
    def schedulers(self, harness: Harness, queue: Queue) -> Iterator[Schedulers | None]:
        """Give processes that are ended at last, or None where processes share no schedules."""
        if lacks(queue, Capability.SCHEDULE, Capability.MULTI_PROCESS):
            yield None
            return
        schedulers = Schedulers(harness.url, _ordeal().wrong)
        yield schedulers
        schedulers.end()

    def test_a_tick_is_fired_once_by_schedulers_that_die_stop_and_have_wrong_clocks(
        self, harness: Harness, schedulers: Schedulers | None
    ) -> None:
        if schedulers is None:
            return
        ordeal = _ordeal()
        with Queue(harness.open()) as queue:
            schedulers.start()
            begin = datetime.now(UTC).replace(microsecond=0) + SECOND
            Scheduler(queue).every(SECOND, "tick", start_at=begin)
            seen, lasts = _befall(ordeal, schedulers, queue, begin)
            codes = schedulers.end()
            Scheduler(queue).run_once()
            seen += _taken(queue)
            (shown,) = queue.schedules("tick", occurrences=1_000)

        end = begin + lasts * SECOND
        fates = {one.at: one.fate for one in shown.occurrences if one.at < end}
        fired = {at for at, fate in fates.items() if fate is Fate.ENQUEUED}
        assert max(seen.values()) == 1, "a tick was fired twice"
        assert {at for at in seen if at < end} == fired
        assert set(fates) <= {begin + number * SECOND for number in range(lasts)}
        assert abs(len(fates) - lasts) <= 1
        assert len(fired) >= ordeal.enough, "hardly any tick was fired"
        assert set(codes) <= {0, -signal.SIGTERM}, "one that starts may not take signals yet"


def _ordeal() -> Ordeal:
    return LONG if os.environ.get("GOFASTR_STRESS") else SHORT


def _befall(
    ordeal: Ordeal, schedulers: Schedulers, queue: Queue, begin: datetime
) -> tuple[Counter[datetime], int]:
    """Kill one process every now and then, stop one for a while, and take what they enqueue.

    It goes on until enough was fired: on a machine with other work, those that start are slow.
    Return how often each tick came, and for how many seconds all of them must be decided.
    """
    began = time.monotonic()
    late = 1 + ordeal.wrong + 0.5  # it begins late, and the slowest clock is later still
    over, lasts, fired = ordeal.lasts + late, 0, 0
    stop, go_on = ordeal.lasts / 4, ordeal.lasts / 4 + ordeal.stops
    next_kill, victim, stopped = ordeal.kills, 0, False
    seen: Counter[datetime] = Counter()
    while (passed := time.monotonic() - began) < over or (
        fired < ordeal.enough and passed < over + PATIENCE
    ):
        if not stopped and stop <= passed < go_on:
            schedulers.processes[2].send_signal(signal.SIGSTOP)
            stopped = True
        if stopped and passed >= go_on:
            schedulers.processes[2].send_signal(signal.SIGCONT)
            stopped = False
        if over > passed >= next_kill:
            schedulers.replace(victim % 2 if stopped else victim % 3)
            victim += 1
            next_kill += ordeal.kills
        seen += _taken(queue)
        lasts = max(ordeal.lasts, int(passed - late))
        fired = sum(at < begin + lasts * SECOND for at in seen)
        time.sleep(0.05)
    return seen, lasts


def _taken(queue: Queue) -> Counter[datetime]:
    """Take and ack what is there, so that a second job of a tick would be seen as one."""
    claims = queue.claim(100)
    queue.ack_many(claims)
    return Counter(claim.job.occurrence for claim in claims if claim.job.occurrence is not None)
