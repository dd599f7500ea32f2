"""The in-memory store: queues in this process, and whole processes of it."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from bench.stores import Counts

from gofastr_queue_memory import MemoryBackend


class MemoryQueue:
    """A store of its own."""

    def __init__(self) -> None:
        self.backend = MemoryBackend(dead_letter_cap=sys.maxsize)

    def counted(self) -> Counts:
        """Count the stored jobs by reading each of them."""
        entries = self.backend._store.entries.values()  # noqa: SLF001 - without its own counting
        return Counter((one.status.value, one.lane, one.type) for one in entries)

    def size(self) -> int:
        """Raise ``TypeError``: only a whole process has a size."""
        raise TypeError("memory is measured in a process of its own")

    def known(self) -> str:
        """Say how many jobs there are."""
        return f"{self.counted().total():,} jobs"

    def settle(self) -> bool:
        """Return False: nothing is ever tidied up."""
        return False

    def remove(self) -> None:
        """Close it, and so forget its jobs."""
        self.backend.queue_close()


class MemoryStore:
    """Queues of this process."""

    name = "memory"
    settings = "in this process, any number of dead letters"

    def queue(self) -> MemoryQueue:
        """Make an empty queue."""
        return MemoryQueue()


@contextmanager
def memory_store() -> Iterator[MemoryStore]:
    """Give the store."""
    yield MemoryStore()
