"""A second process that opens a queue and prints how many jobs it can claim."""

from __future__ import annotations

import sys

from gofastr_queue import Queue
from gofastr_queue_conformance_workers import url


def main() -> None:
    """Count, and give everything back."""
    with Queue.open(url()) as queue:
        claims = queue.claim(100)
        for claim in claims:
            queue.release(claim)
    sys.stdout.write(f"{len(claims)}\n")


if __name__ == "__main__":
    main()
