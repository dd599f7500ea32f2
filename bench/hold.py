"""Hold jobs in memory and print this process's peak resident bytes; run by ``resident.py``."""

from __future__ import annotations

import resource
import sys

from gofastr_queue import Job, Queue

PAYLOAD = {"to": "user@example.com", "subject": "x" * 62}


def main() -> None:
    """Enqueue as many jobs as the first argument says."""
    count = int(sys.argv[1])
    queue = Queue.open("memory://")
    for start in range(0, count, 10_000):
        size = min(10_000, count - start)
        queue.enqueue_many([Job(type="mine", payload=PAYLOAD)] * size)
    assert queue.stats()["pending"] == count
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(peak if sys.platform == "darwin" else peak * 1024)


if __name__ == "__main__":
    main()
