"""What the name of a job's file says: where the job stands, and all of it that changes often."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from attrs import frozen

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)

READY, LATER, CLAIMED, FAILED = "ready", "later", "claimed", "failed"


@frozen
class Name:
    """A job's folder and the name of its file.

    ``place`` orders jobs by enqueueing or replay; ``key`` stands for the id, which may be no file's
    name; moments are microseconds since 1970.
    """

    folder: str
    priority: int
    place: int
    key: str
    scheduled: int
    attempts: int
    lease: int = 0
    token: str = ""

    @property
    def path(self) -> str:
        """Return the path within the queue's directory."""
        fields = (self.priority, self.place, self.scheduled, self.attempts, self.lease, self.token)
        return f"{self.folder}/{self.key}_{'_'.join(map(str, fields))}"


@lru_cache(100_000)
def read(folder: str, name: str) -> Name:
    """Read a file's name."""
    key, priority, place, scheduled, attempts, lease, token = name.split("_")
    numbers = (int(priority), int(place), key, int(scheduled), int(attempts), int(lease))
    return Name(folder, *numbers, token)


def key_of(id: str) -> str:
    """Return what stands for an id in names."""
    return hashlib.sha256(id.encode()).hexdigest()[:40]


def micros(moment: datetime) -> int:
    """Write a moment."""
    return (moment - EPOCH) // MICROSECOND


def moment(micros: int) -> datetime:
    """Read a moment."""
    return EPOCH + micros * MICROSECOND
