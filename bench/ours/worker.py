"""A worker process of ours: ``python -m bench.ours.worker URL``."""

from __future__ import annotations

import sys

from bench.contest.ledger import marker
from bench.contest.workers import wait_at_start
from bench.ours.queues import handle, open_queue, warm_up

from gofastr_queue.backends import connect


def main() -> None:
    """Run the queue as the README says, once it is time."""
    url = sys.argv[1]
    warm_up(url)
    queue = open_queue(connect(url))
    handle(queue, marker())
    wait_at_start()
    queue.run()


if __name__ == "__main__":
    main()
