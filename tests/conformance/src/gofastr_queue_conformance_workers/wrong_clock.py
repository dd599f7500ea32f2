"""A process whose clock is a day ahead; it prints by how many seconds its claim's lease is.

The backend is imported when the queue is opened, so it sees only the wrong clock.
"""

from __future__ import annotations

import datetime as dt
import sys
import time
from typing import Any

from gofastr_queue import Queue
from gofastr_queue_conformance_workers import url

WRONG = 86_400.0
"""Seconds that the clock is ahead."""

LEASE = dt.timedelta(hours=1)

right = time.time
moment = dt.datetime


class _AlsoMoments(type):
    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, moment)


class WrongMoment(moment, metaclass=_AlsoMoments):
    """A datetime whose now is wrong; values made otherwise are as ever."""

    @classmethod
    def now(cls, tz: dt.tzinfo | None = None) -> Any:
        """Return a moment that is not now."""
        return moment.fromtimestamp(right() + WRONG, tz)


def main() -> None:
    """Claim a job under the wrong clock."""
    time.time = lambda: right() + WRONG
    time.time_ns = lambda: int((right() + WRONG) * 1e9)
    dt.datetime = WrongMoment  # type: ignore[misc] # what a wrong clock is to Python
    with Queue.open(url(), lease=LEASE) as queue:
        claim = queue.dequeue()
        ahead = claim.lease_until.timestamp() - right() - LEASE.total_seconds()
        queue.release(claim)
    sys.stdout.write(f"{ahead}\n")


if __name__ == "__main__":
    main()
