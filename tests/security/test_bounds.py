"""Bounds hold on every store: the outermost is taken, the first beyond is refused, untouched."""

from __future__ import annotations

from typing import Any

import pytest
from docs.bounds import BOUNDS, Bound

from gofastr_queue import InvalidJob, InvalidOption, InvalidSchedule, Job, Queue, hookimpl
from gofastr_queue.consumer import CLAIM_CHUNK
from gofastr_queue_conformance import Harness

REFUSED = (InvalidJob, InvalidOption, InvalidSchedule)


def named(bound: Bound) -> str:
    return bound.what.replace("`", "")


@pytest.mark.parametrize("bound", BOUNDS, ids=named)
def test_the_outermost_is_taken_and_the_first_beyond_refused(
    harness: Harness, bound: Bound
) -> None:
    with Queue(harness.open()) as queue:
        for operation in bound.taken:
            operation(queue)
        before = (queue.counts(), queue.schedules())

        for operation in bound.refused:
            with pytest.raises(REFUSED):
                operation(queue)

        assert (queue.counts(), queue.schedules()) == before


class Watching:
    """Remembers which operations a store was asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    @hookimpl(wrapper=True)
    def queue_put(self) -> Any:
        self.asked.append("put")
        return (yield)

    @hookimpl(wrapper=True)
    def queue_claim(self) -> Any:
        self.asked.append("claim")
        return (yield)

    @hookimpl(wrapper=True)
    def queue_extend(self) -> Any:
        self.asked.append("extend")
        return (yield)

    @hookimpl(wrapper=True)
    def queue_browse(self) -> Any:
        self.asked.append("browse")
        return (yield)

    @hookimpl(wrapper=True)
    def queue_replay(self) -> Any:
        self.asked.append("replay")
        return (yield)

    @hookimpl(wrapper=True)
    def queue_purge(self) -> Any:
        self.asked.append("purge")
        return (yield)

    @hookimpl(wrapper=True)
    def schedule_put(self) -> Any:
        self.asked.append("schedule")
        return (yield)


@pytest.mark.parametrize("bound", BOUNDS, ids=named)
def test_a_store_is_never_asked_for_what_is_refused(bound: Bound) -> None:
    watching = Watching()
    with Queue.open("memory://", plugins=[watching]) as queue:
        for operation in bound.refused:
            with pytest.raises(REFUSED):
                operation(queue)

    lease = ["put", "claim"] * len(bound.refused) if bound.what == "a lease" else []
    assert watching.asked == lease  # what is extended must be claimed first


def test_a_store_is_asked_for_a_bounded_number_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    class Asking:
        @hookimpl(wrapper=True)
        def queue_claim(self, limit: int) -> Any:
            asked.append(limit)
            return (yield)

    with Queue.open("memory://", plugins=[Asking()]) as queue:
        queue.enqueue_many([Job(type="mail", id=f"{n}") for n in range(7)])
        queue.reclaim()
        assert len(queue.claim(1)) == 1
        monkeypatch.setattr("gofastr_queue.consumer.CLAIM_CHUNK", 2)

        claims = queue.claim(5)
        rest = queue.claim(10**9)

    assert [claim.job.id for claim in claims] == ["1", "2", "3", "4", "5"]
    assert [claim.job.id for claim in rest] == ["6"]
    assert asked == [1, 2, 2, 1, 2]
    assert CLAIM_CHUNK == 10_000
