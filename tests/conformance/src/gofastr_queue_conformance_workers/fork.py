"""A process that forks with an open, used queue: parent and children go on using it.

Prints ``ok`` when every child has enqueued, claimed and acked its own jobs, while the parent did.
"""

from __future__ import annotations

import os
import sys

from gofastr_queue import Job, Queue
from gofastr_queue_conformance_workers import url

CHILDREN = 4
JOBS = 25


def main() -> None:
    """Fork, work everywhere, and say what came of it."""
    queue = Queue.open(url())
    _work(queue, "before")
    children = [_fork(queue, f"child-{number}") for number in range(CHILDREN)]
    _work(queue, "parent")
    codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    _work(queue, "after")
    queue.close()
    sys.stdout.write("ok\n" if not any(codes) else f"children exited with {codes}\n")


def _fork(queue: Queue, type: str) -> int:
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        _work(queue, type)
        queue.close()
        code = 0
    finally:
        os._exit(code)  # a forked child must not run its parent's exit handlers


def _work(queue: Queue, type: str) -> None:
    jobs = [queue.enqueue(type).id for _ in range(JOBS)]
    jobs += [job.id for job in queue.enqueue_many((Job(type=type) for _ in range(JOBS)), chunk=1)]
    claims = [queue.dequeue(type) for _ in jobs]
    if sorted(claim.job.id for claim in claims) != sorted(jobs):
        raise SystemExit("claimed other jobs than it enqueued")
    if not all(queue.ack(claim) for claim in claims):
        raise SystemExit("an ack was stale")


if __name__ == "__main__":
    main()
