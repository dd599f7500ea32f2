"""A worker process of ours: ``python -m bench.ours.worker URL``."""

from __future__ import annotations

import os
import sys

from bench.contest.ledger import marker
from bench.contest.workers import wait_at_start
from bench.ours.queues import SLEEP, handle, handle_asleep, open_queue, warm_up

from gofastr_queue.backends import connect

CONCURRENCY = 1_000


def main() -> None:
    """Run the queue as the README says, once it is time."""
    url = sys.argv[1]
    warm_up(url)
    queue = open_queue(connect(url))
    asleep = os.environ.get(SLEEP)
    if asleep:
        handle_asleep(queue, marker(), float(asleep))
    else:
        handle(queue, marker())
    wait_at_start()
    queue.run(**({"concurrency": CONCURRENCY} if asleep else {}))


if __name__ == "__main__":
    main()
