"""A process that runs a scheduler until SIGTERM, perhaps with a clock that is wrong."""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, datetime, timedelta

from attrs import frozen

from gofastr_queue import Queue, Scheduler
from gofastr_queue_conformance_workers import url


@frozen
class WrongClock:
    """The process's clock, so far ahead."""

    ahead: timedelta

    def now(self) -> datetime:
        """Return the wrong time."""
        return datetime.now(UTC) + self.ahead


def main() -> None:
    """Fire what is stored in the queue of the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--ahead", type=float, default=0)
    given = parser.parse_args()
    with Queue.open(url(), clock=WrongClock(timedelta(seconds=given.ahead))) as queue:
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        Scheduler(queue).run()


if __name__ == "__main__":
    main()
