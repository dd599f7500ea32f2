"""The machine reaches every arrow of the lifecycle, and finds what breaks it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, ClassVar, cast
from uuid import uuid4

import pytest
from attrs import evolve

from gofastr_queue.backends import Backend
from gofastr_queue.hookspecs import hookimpl
from gofastr_queue.lifecycle import TRANSITIONS, Event, Status
from gofastr_queue.records import Ack, AnyClaim, JobQuery, Outcome, Release, StoredJob
from gofastr_queue_conformance import Harness
from gofastr_queue_conformance.machine import LifecycleMachine, run
from gofastr_queue_memory import MemoryBackend

HarnessOf = Callable[[type[MemoryBackend]], Harness]


@pytest.fixture
def harness_of() -> Iterator[HarnessOf]:
    name = f"{uuid4()}"
    keeper = MemoryBackend(name=name)
    yield lambda kind: Harness(open=lambda: cast(Backend, kind(name=name)))
    keeper.queue_close()


def test_the_machine_takes_every_transition(harness_of: HarnessOf) -> None:
    class Machine(LifecycleMachine):
        harness = harness_of(MemoryBackend)
        taken: ClassVar[set[tuple[Status | None, Event]]] = set()

        def teardown(self) -> None:
            self.taken.update(self.model.seen)
            super().teardown()

    run(Machine, examples=60, steps=40)

    assert Machine.taken == set(TRANSITIONS)


class CountsWhatIsGivenBack(MemoryBackend):
    @hookimpl
    def queue_nack(self, releases: Sequence[Release], now: datetime | None) -> list[Release]:
        retried = [
            evolve(one, outcome=Outcome.RETRY) if one.outcome is Outcome.GIVE_BACK else one
            for one in releases
        ]
        done = super().queue_nack(retried, now)
        return [one for one, other in zip(releases, retried, strict=True) if other in done]


class SaysEveryAckCounted(MemoryBackend):
    @hookimpl
    def queue_ack(self, acks: Sequence[Ack], now: datetime | None) -> list[Ack]:
        super().queue_ack(acks, now)
        return list(acks)


class ExtendsByHalf(MemoryBackend):
    @hookimpl
    def queue_extend(
        self, claims: Sequence[AnyClaim], lease: timedelta, now: datetime | None
    ) -> list[AnyClaim]:
        return super().queue_extend(claims, lease / 2, now)


class ReclaimsOneTooFew(MemoryBackend):
    @hookimpl
    def queue_reclaim(self, limit: int, reason: str, now: datetime | None) -> list[StoredJob]:
        return super().queue_reclaim(limit, reason, now and now - timedelta(microseconds=1))


class PurgesWithoutItsLimit(MemoryBackend):
    @hookimpl
    def queue_purge(self, query: JobQuery) -> int:
        return super().queue_purge(evolve(query, limit=None))


@pytest.mark.parametrize(
    "broken",
    [
        CountsWhatIsGivenBack,
        SaysEveryAckCounted,
        ExtendsByHalf,
        ReclaimsOneTooFew,
        PurgesWithoutItsLimit,
    ],
)
def test_the_machine_finds_a_store_that_breaks_a_rule(
    harness_of: HarnessOf, broken: type[Any]
) -> None:
    machine = type("Machine", (LifecycleMachine,), {"harness": harness_of(broken)})

    with pytest.raises(AssertionError):
        run(machine, examples=60, steps=40)
