"""What takes part: a process that obeys orders, one line of JSON each, and answers in one line.

    python -m bench.peers.NAME URL

    {"do": "prepare"}                             {"name", "version", "durability"}
    {"do": "enqueue", "jobs": n}                  {"seconds"}
    {"do": "bulk", "jobs": n, "by": 1000}         {"seconds"}
    {"do": "left"}                                {"jobs"}
    {"do": "work", "processes": k, "jobs": n}     {"seconds", "handled"}
    {"do": "pickup", "jobs": n, "pause": 0.05}    {"ms": [...]}
    {"do": "mixed", "rate": 500, "seconds": 60}   {"ms": [...], "cpu_seconds"}
    {"do": "idle", "seconds": 10}                 {"cpu_seconds"}
    {"do": "stop"}                                {"ok": true}

What a contestant cannot do it answers with {"refused": why}, what went wrong with {"error": text}.
"""

from __future__ import annotations

import json
import os
import random
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any

from attrs import asdict, frozen
from bench.contest import cpu
from bench.contest.ledger import Ledger, new_ledger
from bench.contest.payload import payload
from bench.contest.workers import (
    DONE_SECONDS,
    LOOK,
    READY_SECONDS,
    Workers,
    WorkersError,
)

Payload = dict[str, str | int]

APART = 3
"""How many times as long as a look took nobody looks again."""

WARM_UP = 20
"""Jobs that an idle worker handles before any is timed."""

SETTLED_SECONDS = 2.0
"""After its last job a worker has nothing left to tidy up."""


class RefusedError(Exception):
    """What a contestant cannot do, and why."""


@frozen
class About:
    """Who takes part, and how durable its store is: read back from the store by the driver."""

    name: str
    version: str
    durability: str


class Running(ABC):
    """Workers of a contestant that shall begin, or have begun."""

    @abstractmethod
    def go(self) -> float:
        """Let them begin; return when the time starts, as ``time.monotonic`` has it.

        That is when all were ready, or the first handler began.
        """

    @abstractmethod
    def check(self) -> None:
        """Raise ``WorkersError`` if one has ended."""


class Waiting(Running):
    """Worker processes that wait for the order to begin, as ``wait_at_start`` does."""

    def __init__(self, workers: Workers) -> None:
        self._workers = workers

    def go(self) -> float:
        """Wait until all are ready, then let them begin."""
        self._workers.ready()
        return self._workers.go()

    def check(self) -> None:
        """Raise ``WorkersError`` if one has ended."""
        self._workers.check()


class Contestant(ABC):
    """Answers orders; one that takes part says how it enqueues, counts and works."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._numbered = 0

    @abstractmethod
    def prepare(self) -> About:
        """Make what the store needs, warm up, and leave no job behind."""

    @abstractmethod
    def enqueue_one(self, payload: Payload) -> None:
        """Enqueue a job as its users do; it is stored when this returns."""

    def enqueue(self, payloads: Sequence[Payload]) -> float:
        """Enqueue one at a time; return the seconds."""
        begin = time.perf_counter()
        for each in payloads:
            self.enqueue_one(each)
        return time.perf_counter() - begin

    def bulk(self, payloads: Sequence[Payload], by: int) -> float:  # noqa: ARG002 - for others
        """Enqueue ``by`` at a time; return the seconds."""
        raise RefusedError("it has no bulk enqueue")

    @abstractmethod
    def left(self) -> int:
        """Count what waits or runs in the store, without the contestant's own counting."""

    def running(self, ledger: Ledger, processes: int) -> AbstractContextManager[Running]:  # noqa: ARG002 - for others
        """Give worker processes whose handler marks the ledger, and end them.

        Raise ``RefusedError`` if there cannot be so many.
        """
        raise RefusedError("it has no worker")

    @abstractmethod
    def close(self) -> None:
        """Let go of connections."""

    def work(self, processes: int, jobs: int) -> tuple[float, int]:
        """Drain; return the seconds until the store holds nothing, and how many were handled."""
        with new_ledger(jobs) as ledger, self.running(ledger, processes) as running:
            begin = running.go()
            deadline = begin + DONE_SECONDS
            # a job is gone from the store after its handler began: until then nobody asks the store
            until(lambda: ledger.full, deadline, running, lambda: f"{ledger.handled} of {jobs}")
            until(lambda: not self.left(), deadline, running, lambda: f"{self.left()} are left")
            return time.monotonic() - begin, ledger.handled

    def pickup(self, jobs: int, pause: float) -> list[float]:
        """Enqueue for an idle worker; return milliseconds from each call to the handler's start."""
        numbers = range(jobs + WARM_UP)
        with new_ledger(len(numbers)) as ledger, self.running(ledger, 1) as running:
            millis = []
            for number in numbers:
                one = payload(number)
                begin = time.monotonic_ns()
                self.enqueue_one(one)
                if number == 0:
                    running.go()
                deadline = time.monotonic() + READY_SECONDS
                until(lambda at=number: ledger.moment(at), deadline, running, lambda: "no pick-up")  # type: ignore[misc] # bound now
                millis.append((ledger.moment(number) - begin) / 1e6)
                # a worker that polls must not be met at the same moment of its round each time
                time.sleep(pause * random.uniform(0.5, 1.5))  # noqa: S311 - no secret
            until(
                lambda: not self.left(), time.monotonic() + READY_SECONDS, running, lambda: "left"
            )
        return millis[WARM_UP:]

    def mixed(self, rate: float, seconds: float) -> tuple[list[float], float, float]:
        """Enqueue at a rate while one worker runs.

        Return milliseconds from when each job should have been enqueued to its handler's start,
        the CPU seconds of this process and of all that it has started, and how many seconds it
        took to enqueue.
        """
        jobs = round(rate * seconds)
        with new_ledger(WARM_UP + jobs) as ledger, self.running(ledger, 1) as running:
            for number in range(jobs, jobs + WARM_UP):
                self.enqueue_one(payload(number))
            running.go()
            deadline = time.monotonic() + READY_SECONDS
            until(lambda: not self.left(), deadline, running, lambda: "no warm-up")
            spent, begin = cpu.seconds(os.getpid()), time.monotonic_ns()
            due = [begin + round(number * 1e9 / rate) for number in range(jobs)]
            for number in range(jobs):
                time.sleep(max(0.0, (due[number] - time.monotonic_ns()) / 1e9))
                self.enqueue_one(payload(number))
            took = (time.monotonic_ns() - begin) / 1e9
            deadline = time.monotonic() + READY_SECONDS
            until(lambda: not self.left(), deadline, running, lambda: f"{self.left()} are left")
            spent = cpu.seconds(os.getpid()) - spent
            if not ledger.full:
                raise WorkersError(f"{ledger.handled} of {jobs + WARM_UP} were handled")
            return [(ledger.moment(n) - due[n]) / 1e6 for n in range(jobs)], spent, took

    def idle(self, seconds: float) -> float:
        """Return the CPU seconds of this process and of a worker that has nothing to do."""
        with new_ledger(WARM_UP) as ledger, self.running(ledger, 1) as running:
            for number in range(WARM_UP):
                self.enqueue_one(payload(number))
            running.go()
            deadline = time.monotonic() + READY_SECONDS
            until(lambda: not self.left(), deadline, running, lambda: "no warm-up")
            time.sleep(SETTLED_SECONDS)
            spent = cpu.seconds(os.getpid())
            time.sleep(seconds)
            return cpu.seconds(os.getpid()) - spent

    def obey(self, order: dict[str, Any]) -> dict[str, Any]:
        """Do what an order says and return the answer."""
        orders: dict[str, Callable[..., dict[str, Any]]] = {
            "prepare": lambda: asdict(self.prepare()),
            "enqueue": lambda jobs: self._stored(jobs, self.enqueue),
            "bulk": lambda jobs, by: self._stored(jobs, lambda given: self.bulk(given, by)),
            "left": lambda: {"jobs": self.left()},
            "work": self._work,
            "pickup": lambda jobs, pause: {"ms": self.pickup(jobs, pause)},
            "mixed": self._mixed,
            "idle": lambda seconds: {"cpu_seconds": self.idle(seconds)},
        }
        given = dict(order)
        return orders[given.pop("do")](**given)

    def _work(self, processes: int, jobs: int) -> dict[str, Any]:
        assert jobs == self._numbered, f"{self._numbered} were enqueued"
        seconds, handled = self.work(processes, jobs)
        self._numbered = 0
        return {"seconds": seconds, "handled": handled}

    def _mixed(self, rate: float, seconds: float) -> dict[str, Any]:
        millis, spent, took = self.mixed(rate, seconds)
        return {"ms": millis, "cpu_seconds": spent, "seconds": took}

    def _stored(self, jobs: int, store: Callable[[Sequence[Payload]], float]) -> dict[str, Any]:
        """Store jobs with the next numbers; what was refused has used up none."""
        numbers = range(self._numbered, self._numbered + jobs)
        seconds = store([payload(number) for number in numbers])
        self._numbered += jobs
        return {"seconds": seconds}


def until(
    done: Callable[[], object], deadline: float, running: Running, state: Callable[[], str]
) -> None:
    """Wait for something while workers run; raise ``WorkersError`` with the state if it is late."""
    looked = time.monotonic()
    while not done():
        running.check()
        now = time.monotonic()
        if now > deadline:
            raise WorkersError(f"not done in time: {state()}")
        # to count what is left can take a store long, and it shall work on it for others
        time.sleep(max(LOOK, APART * (now - looked)))
        looked = time.monotonic()


def serve(make: Callable[[str], Contestant]) -> None:
    """Obey orders from stdin until the last; what libraries print goes to stderr."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    contestant: Contestant | None = None
    for line in sys.stdin:
        order = json.loads(line)
        try:
            if order["do"] == "stop":
                break
            contestant = contestant or make(sys.argv[1])
            answer = contestant.obey(order)
        except RefusedError as refused:
            answer = {"refused": str(refused)}
        except Exception as error:  # noqa: BLE001 - whoever gave the order judges
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), file=answers, flush=True)
    if contestant is not None:
        contestant.close()
    print(json.dumps({"ok": True}), file=answers, flush=True)
