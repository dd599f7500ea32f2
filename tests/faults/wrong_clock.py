"""Runs ``gofastr-queue`` in a process whose time of day is wrong: ``wrong_clock SECONDS work ...``.

It is wrong before anything of the queue is imported. The monotonic clock stays as it is.
"""

from __future__ import annotations

import datetime as dt
import sys
import time
from typing import Any

right, right_nanos = time.time, time.time_ns
moment = dt.datetime


class _AlsoMoments(type):
    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, moment)


def make_wrong(ahead: float) -> None:
    """Put the process's clock so many seconds ahead, or behind."""

    class WrongMoment(moment, metaclass=_AlsoMoments):
        """A datetime whose now is wrong; values made otherwise are as ever."""

        @classmethod
        def now(cls, tz: dt.tzinfo | None = None) -> Any:
            return moment.fromtimestamp(right() + ahead, tz)

    time.time = lambda: right() + ahead
    time.time_ns = lambda: right_nanos() + round(ahead * 1e9)
    dt.datetime = WrongMoment  # type: ignore[misc] # what a wrong clock is to Python


def main() -> int:
    """Make the clock wrong and run the command."""
    ahead = float(sys.argv.pop(1))
    make_wrong(ahead)
    from gofastr_queue.cli import main as command  # noqa: PLC0415 - it must see the wrong clock

    return command()


if __name__ == "__main__":
    sys.exit(main())
