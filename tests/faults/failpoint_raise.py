"""A process whose every call that changes a store fails in turn, before it or after it.

GOFASTR_FAILPOINTS must name them all, at a time that never comes: each is set to its time here.

python -m tests.faults.failpoint_raise URL, where {case} becomes a number.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterator

from tests.faults.matrix_cases import HOOKS, Case
from tests.faults.matrix_run import jobs, named
from tests.faults.matrix_work import LEASE, LONGER
from tests.faults.matrix_works import NOWHERE, WORKS

from gofastr_queue import BackendUnavailable, Queue, failpoints
from gofastr_queue.testing import FakeClock

SWALLOWED = {"fire"}
"""A scheduler logs what fails, and goes on with the next schedule."""


def cases() -> Iterator[Case]:
    """Yield each hook's failpoints, with the work that reaches them once in a step."""
    for verb, works in HOOKS.items():
        for hit in (1, 2) if verb not in SWALLOWED else ():
            yield Case(works[0], f"{verb}.before_send", hit, hit, hit - 1)
            yield Case(works[0], f"{verb}.after_commit", hit, hit, hit)


def tried(case: Case, url: str) -> list[str]:
    """Return what is wrong after a call has failed."""
    clock, work = FakeClock(), WORKS[case.work]
    with Queue.open(url, lease=LEASE, clock=clock) as queue:
        work.prepare(queue)
        clock.advance(LEASE / 10)
        failpoints.asked_for()[case.point].left = case.time
        try:
            work.act(queue, NOWHERE)
        except BackendUnavailable as error:
            told = [] if case.point in str(error) else [f"the error says {error}"]
        else:
            return [f"{case.point} was not reached {case.time} times"]
        assert work.expected is not None
        found, wanted = named(jobs(queue), queue), work.expected(case.done)
        told += [] if found == wanted else [f"left {found}, expected {wanted}"]
        if work.again is not None:
            work.again(queue)
            found, wanted = named(jobs(queue), queue), work.expected(work.steps)
            told += [] if found == wanted else [f"then {found}, expected {wanted}"]
        left = {id for id, job in jobs(queue).items() if job.status != "failed"}
        spent = {id for id, job in jobs(queue).items() if job.attempts == job.max_attempts}
        clock.advance(2 * LONGER)
        done = Counter(claim.job.id for claim in queue.ack_many(queue.claim(1_000)))
        told += [] if done == Counter(left - spent) else [f"finished {done}, of {left}"]
    return told


def main() -> None:
    """Try each, and tell in JSON what was wrong with it."""
    found = {
        case.name: tried(case, sys.argv[1].replace("{case}", f"{number}"))
        for number, case in enumerate(cases())
    }
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main()
