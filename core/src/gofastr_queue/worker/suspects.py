"""Jobs that may have killed the workers that held them: no two of them are held at a time.

A worker that dies costs every job that it held an attempt, and what it held comes back together. Of
those on their last attempt one may be the culprit; if it were claimed with the others again, they
would all be dead with it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from datetime import timedelta

from gofastr_queue.failures import EXPIRED
from gofastr_queue.job import Job
from gofastr_queue.records import Outcome, Release
from gofastr_queue.worker.keeper import Held, Keeper

STEP, LONGEST = 0.1, 30.0
"""Seconds for which the first that is turned away stays away, and for which any does at most."""

QUIET = 1.0
"""Seconds after a worker took a suspect, in which it claims nothing while it holds it.

What kills mostly kills at once, and what is claimed at that moment would die with it.
"""


def is_suspect(job: Job) -> bool:
    """Tell whether a job is on its last attempt and the one before ended with its worker."""
    return (
        1 < job.max_attempts <= job.attempts and bool(job.errors) and job.errors[-1].kind == EXPIRED
    )


class Suspects:
    """Lets a worker hold one suspect at a time, whichever of its pools claimed it."""

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper
        self._lock = threading.Lock()
        self._only: Held | None = None
        self._since = 0.0

    def turned_away(self, held: Iterable[Held]) -> dict[Held, Release]:
        """Return which of what the keeper was just given to hold goes back, uncounted.

        They stay away one after the other, and for as long as the one that is held has been so far:
        they neither come all at once nor ask again and again.
        """
        suspects = [one for one in held if one.claim.job.errors and is_suspect(one.claim.job)]
        if not suspects:
            return {}
        with self._lock:
            now = time.monotonic()
            if self._free():
                self._only, self._since = suspects.pop(0), now
            waited = now - self._since
        return {
            one: Release(one.claim, Outcome.GIVE_BACK, _away(number, waited))
            for number, one in enumerate(suspects, 1)
        }

    def quiet_until(self) -> float:
        """Return the moment, as ``time.monotonic`` tells it, from which the worker may claim."""
        with self._lock:
            return 0.0 if self._free() else self._since + QUIET

    def _free(self) -> bool:
        if self._only is not None and self._only not in self._keeper.held():
            self._only = None
        return self._only is None


def _away(number: int, waited: float) -> timedelta:
    return timedelta(seconds=min(max(number * STEP, waited), LONGEST))
