"""What the workers of every peer run for a job, found under this name by those that import it."""

from __future__ import annotations

from functools import cache

from bench.contest.ledger import Mark, marker
from bench.contest.payload import number_of
from bench.peers.gathering import gather


def handle(payload: dict[str, str | int]) -> None:
    """Mark the ledger; a process that handles its first job waits for the others before."""
    _mark()(number_of(payload))


async def handle_fields(**payload: str | int) -> None:
    """Do the same for a peer whose payload is what a coroutine function is called with."""
    handle(payload)


@cache
def _mark() -> Mark:
    gather()
    return marker()
