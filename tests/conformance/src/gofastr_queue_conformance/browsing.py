"""Browsing: operators see every job, exactly, and change nothing by looking."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta

import pytest

from gofastr_queue import Capability, Job, Queue, Status, Unreadable
from gofastr_queue.hookspecs import Hooks
from gofastr_queue.records import Outcome, Release
from gofastr_queue.testing import FakeClock
from gofastr_queue_conformance.harness import (
    Contract,
    everything,
    ids,
    lacks,
    put,
    put_unreadable,
)

MICROSECOND = timedelta(microseconds=1)
HOUR = timedelta(hours=1)


class BrowsingContract(Contract):
    """Lists, pages and counts."""

    def test_the_latest_enqueued_comes_first(self, queue: Queue) -> None:
        if lacks(queue, Capability.BROWSE):
            return
        queue.enqueue("mail", id="a")
        queue.enqueue("mail", id="later", delay=HOUR)
        put(queue, Job(type="mail", id="b"), Job(type="mail", id="c"))
        queue.claim(2)

        assert ids(queue.list_jobs()) == ["c", "b", "later", "a"]

    def test_a_replayed_job_counts_as_enqueued_anew(self, queue: Queue) -> None:
        if lacks(queue, Capability.BROWSE, Capability.REPLAY):
            return
        _mixed(queue)
        queue.replay("failed-x")

        assert ids(queue.list_jobs(limit=2)) == ["failed-x", "pending-x"]

    def test_each_status_is_listed_apart(self, queue: Queue) -> None:
        if lacks(queue, Capability.BROWSE):
            return
        _mixed(queue)

        for status in Status:
            assert ids(queue.list_jobs(status)) == [f"{status}-x", f"{status}-"]
        assert len(queue.list_jobs("")) == 6

    def test_lists_are_filtered_by_type_and_lane(self, queue: Queue) -> None:
        if lacks(queue, Capability.BROWSE):
            return
        _mixed(queue)

        assert ids(queue.list_jobs(lane="")) == ["pending-", "claimed-", "failed-"]
        assert ids(queue.list_jobs(lane="x", type="failed")) == ["failed-x"]
        assert ids(queue.list_jobs("claimed", lane="x")) == ["claimed-x"]
        assert queue.list_jobs("claimed", type="failed") == []
        assert queue.list_jobs(lane="unknown") == []

    def test_no_limit_means_a_hundred(self, queue: Queue) -> None:
        if lacks(queue, Capability.BROWSE):
            return
        stored = put(queue, *(Job(type="mail") for _ in range(103)))
        latest = list(reversed(ids(stored)))

        for limit in (0, -1):
            assert ids(queue.list_jobs(limit=limit)) == latest[:100]
        assert ids(queue.list_jobs()) == latest[:100]
        assert ids(queue.list_jobs(limit=1)) == latest[:1]
        assert ids(queue.list_jobs(limit=500)) == latest

    @pytest.mark.parametrize("status", ["done", "Pending", "ready", " ", "'"])
    def test_an_unknown_status_is_a_value_error(self, queue: Queue, status: str) -> None:
        if lacks(queue, Capability.BROWSE):
            return
        with pytest.raises(ValueError, match="pending"):
            queue.list_jobs(status)

    @pytest.mark.parametrize("size", [1, 3, 5, 10, 11])
    def test_pages_show_every_job_once(self, queue: Queue, size: int) -> None:
        if lacks(queue, Capability.BROWSE):
            return
        stored = put(queue, *(Job(type="mail") for _ in range(10)))

        seen, before, pages = [], "", 0
        while before or not pages:
            page = queue.browse(limit=size, before=before)
            seen += [job.id for job in page.jobs]
            before, pages = page.next, pages + 1

        assert seen == list(reversed(ids(stored)))
        assert pages == -(-10 // size)

    def test_pages_are_stable_while_jobs_come_and_go(self, queue: Queue) -> None:
        if lacks(queue, Capability.BROWSE, Capability.REPLAY):
            return
        put(queue, *(Job(type="mail", id=f"{number}", max_attempts=1) for number in range(10)))
        queue.nack_many(queue.claim(3))

        first = queue.browse(limit=4)
        queue.enqueue("mail", id="new")
        assert queue.replay("1")
        assert queue.cancel("9")
        queue.ack(queue.dequeue())
        second = queue.browse(limit=3, before=first.next)
        assert queue.cancel("2")
        third = queue.browse(limit=4, before=second.next)

        assert ids(list(first.jobs)) == ["9", "8", "7", "6"]
        assert ids(list(second.jobs)) == ["5", "4", "2"]
        assert (ids(list(third.jobs)), third.next) == (["0"], "")

    @pytest.mark.parametrize(
        "before", ["x", "1 OR 1=1", "-1", "1.5", " ", "0x10", "\u0663", "9" * 30]
    )
    def test_a_cursor_that_never_was_is_refused_or_an_end(self, queue: Queue, before: str) -> None:
        if lacks(queue, Capability.BROWSE):
            return
        queue.enqueue("mail", id="one")

        shown: list[str] = []
        with suppress(ValueError):
            shown = ids(queue.list_jobs(before=before))

        assert shown in ([], ["one"])

    def test_older_than_is_an_age_and_strict(self, queue: Queue, clock: FakeClock) -> None:
        if lacks(queue, Capability.BROWSE):
            return
        queue.enqueue("mail", id="old")
        clock.advance(MICROSECOND)
        queue.enqueue("mail", id="exact")
        clock.advance(HOUR)
        queue.enqueue("mail", id="new")

        assert ids(list(queue.browse(older_than=HOUR).jobs)) == ["old"]
        assert ids(list(queue.browse(older_than=timedelta(0)).jobs)) == ["exact", "old"]

    def test_getting_an_unknown_job_gives_nothing(self, queue: Queue) -> None:
        if lacks(queue, Capability.BROWSE):
            return
        queue.enqueue("mail", id="one")
        claim = queue.dequeue()

        assert queue.get("two") is None
        assert queue.get("one") == claim.job
        queue.ack(claim)
        assert queue.get("one") is None

    def test_stats_always_have_each_status(self, queue: Queue) -> None:
        if lacks(queue, Capability.BROWSE):
            return
        empty = queue.stats()
        queue.enqueue("mail", delay=HOUR)

        assert empty == {"pending": 0, "claimed": 0, "failed": 0}
        assert queue.stats() == {"pending": 1, "claimed": 0, "failed": 0}

    def test_stats_are_what_the_lists_show(self, queue: Queue, clock: FakeClock) -> None:
        if lacks(queue, Capability.BROWSE):
            return
        _mixed(queue)
        for _ in range(3):
            clock.advance(HOUR)
            queue.enqueue("pending", delay=HOUR, lane="x")

            listed = everything(queue)

            assert queue.stats() == Counter(job.status for job in listed)
            counts = queue.counts()
            assert {(one.status, one.lane, one.type): one.count for one in counts} == Counter(
                (job.status, job.lane, job.type) for job in listed
            )
            assert len({(one.status, one.lane, one.type) for one in counts}) == len(counts)

    def test_counts_follow_every_move(self, queue: Queue, hooks: Hooks, clock: FakeClock) -> None:
        if lacks(queue, Capability.BROWSE, Capability.REPLAY):
            return
        put(queue, *(Job(type="mail", id=id, max_attempts=2) for id in "abcdef"))
        queue.enqueue("mail", id="later", delay=HOUR)

        def release(outcome: Outcome, delay: timedelta = timedelta(0)) -> object:
            claim = queue.dequeue()
            return hooks.queue_nack(releases=[Release(claim, outcome, delay)], now=clock.now())

        moves: list[Callable[[], object]] = [
            lambda: queue.claim(2),
            lambda: queue.ack(queue.dequeue()),
            lambda: queue.extend(queue.dequeue()),
            lambda: release(Outcome.RETRY),
            lambda: release(Outcome.RETRY, HOUR),
            lambda: release(Outcome.GIVE_BACK),
            lambda: release(Outcome.BURY),
            lambda: clock.advance(queue.lease),
            queue.reclaim,
            lambda: queue.claim(2),
            lambda: clock.advance(queue.lease),
            queue.reclaim,
            lambda: queue.enqueue("mail", id="later", on_conflict="ignore"),
            lambda: queue.cancel("later"),
            lambda: queue.replay_many(limit=1),
            lambda: queue.purge("failed"),
            lambda: queue.claim(9),
            lambda: queue.purge("pending"),
        ]
        for move in moves:
            move()

            assert {(one.status, one.type): one.count for one in queue.counts()} == Counter(
                (job.status, job.type) for job in everything(queue)
            )

    def test_counts_tell_when_the_first_was_created(self, queue: Queue, clock: FakeClock) -> None:
        if lacks(queue, Capability.BROWSE):
            return
        start = clock.now()
        queue.enqueue("mail")
        clock.advance(HOUR)
        queue.enqueue("mail", delay=HOUR)
        queue.enqueue("sms")

        oldest = {count.type: count.oldest for count in queue.counts()}

        assert oldest == {"mail": start, "sms": start + HOUR}

    def test_looking_changes_nothing(self, queue: Queue, other: Queue) -> None:
        if lacks(queue, Capability.BROWSE):
            return
        _mixed(queue)
        claim = queue.dequeue("pending")
        before = everything(queue)

        for _ in range(3):
            other.stats()
            other.counts()
            other.get("failed-")
            other.list_jobs("claimed")

        assert everything(queue) == everything(other) == before
        assert queue.ack(claim)

    def test_what_cannot_be_read_is_shown_as_such(
        self, queue: Queue, hooks: Hooks, clock: FakeClock
    ) -> None:
        if lacks(queue, Capability.BROWSE):
            return
        queue.enqueue("mail", id="good")
        put_unreadable(hooks, clock.now(), "bad")

        bad, good = queue.list_jobs()

        assert (good.id, good.payload) == ("good", None)
        assert (bad.id, bad.status) == ("bad", Status.PENDING)
        assert isinstance(bad.payload, Unreadable)
        assert bad.payload.text
        assert queue.get("bad") == bad


def _mixed(queue: Queue) -> None:
    """Store one job of each status, each of a type named so, in lanes "" and "x"."""
    for status in ("failed", "claimed", "pending"):
        for lane in ("", "x"):
            queue.enqueue(status, id=f"{status}-{lane}", lane=lane, max_attempts=1)
    queue.nack_many(queue.claim(10, types=["failed"]), "broken")
    queue.claim(10, types=["claimed"])
