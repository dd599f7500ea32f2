"""The in-memory store, of which a process of its own is measured."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from bench.stores import Queue


class MemoryStore:
    """Holds nothing itself."""

    name = "memory"
    settings = "in this process"

    def queue(self) -> Queue:
        """Raise ``TypeError``: only whole processes of it are measured."""
        raise TypeError("the memory backend is measured in a process of its own")


@contextmanager
def memory_store() -> Iterator[MemoryStore]:
    """Give the store."""
    yield MemoryStore()
