"""A backend with what is required and no more keeps the promises, and refuses the rest by name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import cast
from uuid import uuid4

import pytest

from gofastr_queue import Capability
from gofastr_queue.backends import Backend
from gofastr_queue.hookspecs import hookimpl
from gofastr_queue.records import (
    Ack,
    AnyClaim,
    Batch,
    Draft,
    Put,
    Release,
    StoredJob,
    Want,
)
from gofastr_queue_conformance import (
    BrowsingContract,
    CarryingContract,
    ChangedSchedulesContract,
    ClaimingContract,
    ConcurrencyContract,
    DiagnosingContract,
    ExtendingContract,
    FencingContract,
    Harness,
    LifecycleContract,
    OrderingContract,
    ReclaimingContract,
    RefusingContract,
    ReplayingContract,
    ScheduledContract,
    SchedulingContract,
    StoringContract,
    TransactionsContract,
    WakingContract,
)
from gofastr_queue_memory import MemoryBackend


class BareBackend:
    """The required hooks of a memory backend; it declares no capability."""

    name = "bare"
    capabilities: frozenset[Capability] = frozenset()
    default_lease = timedelta(seconds=30)

    def __init__(self, name: str) -> None:
        self.inner = MemoryBackend(name=name)

    @hookimpl
    def queue_put(
        self, drafts: Sequence[Draft], on_conflict: str, now: datetime | None
    ) -> list[Put]:
        return self.inner.queue_put(drafts, on_conflict, now)

    @hookimpl
    def queue_close(self) -> bool:
        return self.inner.queue_close()

    @hookimpl
    def queue_claim(
        self, want: Want, limit: int, lease: timedelta, worker: str, now: datetime | None
    ) -> Batch:
        return self.inner.queue_claim(want, limit, lease, worker, now)

    @hookimpl
    def queue_ack(self, acks: Sequence[Ack], now: datetime | None) -> list[Ack]:
        return self.inner.queue_ack(acks, now)

    @hookimpl
    def queue_nack(self, releases: Sequence[Release], now: datetime | None) -> list[Release]:
        return self.inner.queue_nack(releases, now)

    @hookimpl
    def queue_reclaim(self, limit: int, reason: str, now: datetime | None) -> list[StoredJob]:
        return self.inner.queue_reclaim(limit, reason, now)

    @hookimpl
    def queue_extend(
        self, claims: Sequence[AnyClaim], lease: timedelta, now: datetime | None
    ) -> list[AnyClaim]:
        return self.inner.queue_extend(claims, lease, now)


class TestBare(
    StoringContract,
    CarryingContract,
    ClaimingContract,
    OrderingContract,
    FencingContract,
    ReclaimingContract,
    ExtendingContract,
    BrowsingContract,
    ReplayingContract,
    SchedulingContract,
    ChangedSchedulesContract,
    ScheduledContract,
    DiagnosingContract,
    WakingContract,
    TransactionsContract,
    RefusingContract,
    ConcurrencyContract,
    LifecycleContract,
):
    @pytest.fixture
    def harness(self) -> Iterator[Harness]:
        name = f"{uuid4()}"
        keeper = MemoryBackend(name=name)
        yield Harness(open=lambda: cast(Backend, BareBackend(name)))
        keeper.queue_close()
