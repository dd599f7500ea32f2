"""A worker process: runs jobs until SIGTERM and writes what they did to a ledger.

It writes ``ready`` once it claims and takes signals.  Types: ``note`` writes and returns; ``work``
writes, sleeps for its payload's seconds and writes again; ``poison`` writes and kills its process.
"""

from __future__ import annotations

import argparse
import functools
import os
import signal
import time
from datetime import timedelta
from pathlib import Path

from gofastr_queue import Job, Queue
from gofastr_queue_conformance_workers import url
from gofastr_queue_conformance_workers.ledger import Ledger


def main() -> None:
    """Work on the queue of the environment."""
    parser = argparse.ArgumentParser()
    parser.add_argument("ledger", type=Path)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--lease", type=float, default=30)
    parser.add_argument("--reclaim", type=float, default=0.2)
    parser.add_argument("--poll", type=float, default=0.2)
    given = parser.parse_args()
    ledger = Ledger(given.ledger)
    queue = Queue.open(url(), lease=timedelta(seconds=given.lease))

    @queue.handler("note")
    def note(job: Job) -> None:
        ledger.write("done", job)

    @queue.handler("work")
    def work(job: Job) -> None:
        ledger.write("start", job)
        time.sleep(job.payload)
        ledger.write("done", job)

    @queue.handler("poison")
    def poison(job: Job) -> None:
        ledger.write("start", job)
        os.kill(os.getpid(), signal.SIGKILL)

    @functools.cache
    def gate(_type: str) -> bool:  # asked when signals are taken and claiming begins
        ledger.write("ready")
        return True

    queue.run(given.workers, gate=gate, poll=given.poll, reclaim_interval=given.reclaim, grace=20)


if __name__ == "__main__":
    main()
