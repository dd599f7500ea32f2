"""Runs a case: a child works and dies, and what it leaves is proven to be whole."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Self

from attrs import define, field, frozen
from tests.faults.matrix_cases import Case
from tests.faults.matrix_work import LEASE, LONGER, Ledger, State
from tests.faults.matrix_works import WORKS

from gofastr_queue import Job, Queue, failpoints
from gofastr_queue.job import SCHEDULE

ROOT = Path(__file__).parents[2]

PATIENCE = 30.0
"""Seconds in which a child must have died, and work must be done."""

KILL_SECONDS = 0.4
"""How long a stopped process keeps what it holds, before it is killed."""

Jobs = dict[str, Job]


@frozen(eq=False)
class Store:
    """Where a case happens.  ``empty`` tells whether nothing was made there, ``wrong`` what is."""

    backend: str
    url: str
    empty: Callable[[], bool]
    wrong: Callable[[], list[str]] = list


@define
class Verdict:
    """What a death did: ``problems`` are told in words, the rest is counted."""

    lost: int = 0
    doubled: int = 0
    seconds: float = 0.0
    problems: list[str] = field(factory=list)


class Children:
    """One process is always ready: starting an interpreter takes longer than most cases."""

    def __init__(self, *drivers: str) -> None:
        self._drivers = drivers
        self._spare = self._new()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._spare.communicate("")

    def start(self, order: dict[str, object]) -> subprocess.Popen[str]:
        """Give a process its orders."""
        child, self._spare = self._spare, self._new()
        assert child.stdin is not None
        child.stdin.write(json.dumps(order) + "\n")
        child.stdin.flush()
        return child

    def _new(self) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "tests.faults.matrix_child", *self._drivers],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )


def run(case: Case, store: Store, children: Children, ledger: Ledger) -> Verdict:
    """Let a child die, and prove what it left."""
    work = WORKS[case.work]
    if not work.new:
        with Queue.open(store.url, lease=LEASE) as queue:
            work.prepare(queue)
    child = children.start(
        {
            "failpoint": f"{case.point}:{case.time}:{'exit' if case.end == 'exit' else 'stop'}",
            "url": store.url,
            "work": case.work,
            "ledger": str(ledger.file),
            "times": 2 if case.work == "stop" else 1,
        }
    )
    with child:
        try:
            said = _died(child, case.end)
            if said is not None:
                return Verdict(problems=[f"{case.point} was not reached {case.time} times: {said}"])
            return _proven(case, store, child, ledger)
        finally:
            child.kill()


def _died(child: subprocess.Popen[str], end: str) -> str | None:
    """Wait for a child's death or stop; return what it said if it did not come."""
    if end == "exit":
        _, said = child.communicate(timeout=PATIENCE)
        return None if child.returncode == failpoints.EXIT_CODE else said
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        pid, status = os.waitpid(child.pid, os.WUNTRACED | os.WNOHANG)
        if pid:
            if os.WIFSTOPPED(status):
                return None
            child.returncode = os.waitstatus_to_exitcode(status)
            break
        time.sleep(0.002)
    return child.communicate(timeout=PATIENCE)[1] if child.poll() is not None else "it hangs"


def _proven(case: Case, store: Store, child: subprocess.Popen[str], ledger: Ledger) -> Verdict:
    """Examine what was left, have it finished by somebody else, and count."""
    work, verdict, began = WORKS[case.work], Verdict(), time.monotonic()
    killer = threading.Timer(KILL_SECONDS, child.kill)
    if case.end == "stop":
        killer.start()
    if work.new and not store.empty():
        verdict.problems.append("a store was made by half")
    with Queue.open(store.url, lease=LEASE) as queue:
        left = jobs(queue)
        _compare(verdict, "at the death", left, queue, case.done, case.work)
        _measure(verdict, left, ledger, case.done)
        acked = set(ledger.read("acked"))
        _explain(verdict, left, ledger, case.work)
        if work.again is not None:
            work.again(queue)
            left = jobs(queue)
            _compare(verdict, "after the repetition", left, queue, work.steps, case.work)
        done = Counter(finish(queue))
        verdict.seconds = time.monotonic() - began
        if case.end == "late":
            child.send_signal(signal.SIGCONT)
            child.communicate(timeout=PATIENCE)
            done += Counter(finish(queue))
            acked = set(ledger.read("acked"))
        _count(verdict, left, done, acked, queue)
    verdict.problems += store.wrong()
    killer.cancel()
    return verdict


def jobs(queue: Queue) -> Jobs:
    """Return every job, the earliest enqueued first."""
    found: list[Job] = []
    page = queue.browse(limit=1_000)
    found += page.jobs
    while page.next:
        page = queue.browse(limit=1_000, before=page.next)
        found += page.jobs
    return {job.id: job for job in reversed(found)}


def named(stored: Jobs, queue: Queue) -> State:
    """Return a state as works tell it: a schedule's jobs are named by it, and numbered."""
    state: State = {}
    made: Counter[str] = Counter()
    for id, job in stored.items():
        schedule = job.headers.get(SCHEDULE)
        name = id if schedule is None else f"{schedule} #{made[schedule]}"
        made[schedule or ""] += 1
        state[name] = (str(job.status), job.attempts)
    return state | {f"schedule {one.id}": ("schedule", 0) for one in queue.schedules()}


def finish(queue: Queue) -> list[str]:
    """Do all that is left, as somebody else's worker does; return the ids of what was acked."""
    done: list[str] = []
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        claims = queue.claim(1_000)
        done += [claim.job.id for claim in queue.ack_many(claims)]
        stats = queue.stats()
        if not stats["pending"] and not stats["claimed"]:
            return done
        if not claims:
            time.sleep(0.01)
    return done


def _compare(
    verdict: Verdict, when: str, left: Jobs, queue: Queue, steps: float, work: str
) -> None:
    """Compare the state with what it must be, to the job."""
    expected = WORKS[work].expected
    if expected is None:
        return
    found, wanted = named(left, queue), expected(steps)
    for name in sorted(found.keys() | wanted.keys()):
        if found.get(name) != wanted.get(name):
            verdict.problems.append(
                f"{when}: {name} is {found.get(name)}, expected {wanted.get(name)}"
            )


def _measure(verdict: Verdict, left: Jobs, ledger: Ledger, done: float) -> None:
    """Count the leases that were made longer, where a work has noted how long they were."""
    for noted in ledger.read("leased"):
        longer = datetime.fromisoformat(noted) + LONGER - 2 * LEASE
        extended = [one for one in left.values() if one.lease_until and one.lease_until > longer]
        if len(extended) != done:
            verdict.problems.append(f"{len(extended)} leases are longer, expected {done}")


def _explain(verdict: Verdict, left: Jobs, ledger: Ledger, work: str) -> None:
    """Of what a worker left nothing: somebody worked on it; what it was told is true."""
    if WORKS[work].expected is not None:
        return
    effects, acked = Counter(ledger.read("effect")), ledger.read("acked")
    gone = {f"a{number}" for number in range(12 if work != "long handlers" else 2)} - left.keys()
    verdict.lost += len(gone - effects.keys())
    verdict.problems += [f"{id} is gone, and nobody has done it" for id in gone - effects.keys()]
    verdict.problems += [f"{id} was acked and is there" for id in acked if id in left]
    verdict.problems += [f"{id} was done {n} times" for id, n in effects.items() if n > 1]
    for id, job in left.items():
        if job.attempts > 1:
            verdict.problems.append(f"{id} has {job.attempts} attempts")


def _count(
    verdict: Verdict, left: Jobs, done: Counter[str], acked: Sequence[str] | set[str], queue: Queue
) -> None:
    """Count what nobody has finished, and what was finished twice."""
    stats = queue.stats()
    failed = {job.id for job in jobs(queue).values() if job.status == "failed"}
    dead = {
        id
        for id, job in left.items()
        if job.status == "failed" or (job.status == "claimed" and job.attempts == job.max_attempts)
    }
    finished = done.keys() | set(acked)
    lost = left.keys() - dead - finished
    twice = {id for id, times in done.items() if times > 1} | (done.keys() & set(acked))
    verdict.lost += len(lost) + len(dead - failed - finished)
    verdict.doubled += len(twice) + len(done.keys() - left.keys())
    if failed - dead:
        verdict.problems.append(f"failed for no reason: {sorted(failed - dead)}")
    if stats["pending"] or stats["claimed"]:
        verdict.problems.append(f"not finished within {PATIENCE} s: {stats}")
