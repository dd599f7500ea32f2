"""Waking: an idle worker is told that there is work, instead of finding it at the next poll."""

from __future__ import annotations

import threading
import time
from datetime import timedelta

import pytest

from gofastr_queue import BackendUnavailable, Capability, Job, Queue
from gofastr_queue.hookspecs import Hooks
from gofastr_queue.records import EVERYTHING, Draft, Want
from gofastr_queue.testing import FakeClock
from gofastr_queue_conformance.harness import Contract, lacks, put

FOREVER = timedelta(minutes=10)
"""Far longer than a test: whoever waits this long was not woken."""

MOMENT = timedelta(milliseconds=30)

HOUR = timedelta(hours=1)

PATIENCE = 30.0
"""Seconds until a wait counts as not woken."""


class Waiter:
    """A thread in ``queue_wait``."""

    def __init__(self, hooks: Hooks, want: Want = EVERYTHING) -> None:
        self._hooks = hooks
        self._want = want
        self._thread = threading.Thread(target=self._wait, daemon=True)
        self._thread.start()
        self.ended(within=0.05)  # usually the wait has begun by then

    def _wait(self) -> None:
        try:
            self._hooks.queue_wait(want=self._want, timeout=FOREVER)
        except BackendUnavailable:  # closed before the wait began
            return

    def ended(self, within: float | None = None) -> bool:
        """Tell whether the wait ended in time."""
        self._thread.join(PATIENCE if within is None else within)
        return not self._thread.is_alive()


class WakingContract(Contract):
    """Promise 9: hints, and no more than hints."""

    def test_an_enqueued_job_ends_a_wait(self, queue: Queue, hooks: Hooks) -> None:
        if lacks(queue, Capability.WAKE):
            return
        waiter = Waiter(hooks)

        queue.enqueue("mail")

        assert waiter.ended()

    @pytest.mark.parametrize("count", [2, 100])
    def test_jobs_enqueued_together_end_a_wait(
        self, queue: Queue, hooks: Hooks, count: int
    ) -> None:
        if lacks(queue, Capability.WAKE):
            return
        waiter = Waiter(hooks)

        put(queue, *(Job(type="mail") for _ in range(count)))

        assert waiter.ended()

    @pytest.mark.parametrize("settle", ["nack", "release"])
    def test_a_job_that_comes_back_ends_a_wait(
        self, queue: Queue, hooks: Hooks, settle: str
    ) -> None:
        if lacks(queue, Capability.WAKE):
            return
        queue.enqueue("mail")
        claim = queue.dequeue()
        waiter = Waiter(hooks)

        assert getattr(queue, settle)(claim)

        assert waiter.ended()

    def test_a_replayed_job_ends_a_wait(self, queue: Queue, hooks: Hooks) -> None:
        if lacks(queue, Capability.WAKE, Capability.REPLAY):
            return
        queue.enqueue("mail", id="one", max_attempts=1)
        queue.nack(queue.dequeue())
        waiter = Waiter(hooks)

        assert queue.replay("one")

        assert waiter.ended()

    def test_a_reclaimed_job_ends_a_wait(
        self, queue: Queue, hooks: Hooks, clock: FakeClock
    ) -> None:
        if lacks(queue, Capability.WAKE):
            return
        queue.enqueue("mail")
        queue.dequeue()
        clock.advance(queue.lease)
        waiter = Waiter(hooks)

        assert queue.reclaim() == 1

        assert waiter.ended()

    def test_an_enqueue_by_the_waiting_backend_ends_its_wait(
        self, queue: Queue, hooks: Hooks
    ) -> None:
        if lacks(queue, Capability.WAKE):
            return
        waiter = Waiter(hooks)

        hooks.queue_put(drafts=[Draft("one", "mail", "null")], on_conflict="error", now=None)

        assert waiter.ended()

    def test_what_is_ready_already_needs_no_wait(self, queue: Queue, hooks: Hooks) -> None:
        if lacks(queue, Capability.WAKE):
            return
        queue.enqueue("mail", lane="x")

        assert hooks.queue_wait(want=EVERYTHING, timeout=FOREVER) is True
        assert hooks.queue_wait(want=Want(lanes=frozenset({"x"})), timeout=FOREVER) is True

    def test_a_job_that_will_fall_due_ends_a_wait(self, queue: Queue, hooks: Hooks) -> None:
        if lacks(queue, Capability.WAKE):
            return
        queue.enqueue("mail", delay=2 * HOUR)
        waiter = Waiter(hooks)

        queue.enqueue("mail", delay=HOUR)

        assert waiter.ended()

    def test_a_due_job_that_came_between_claim_and_wait_is_a_hint(
        self, queue: Queue, hooks: Hooks, clock: FakeClock
    ) -> None:
        if lacks(queue, Capability.WAKE):
            return
        queue.enqueue("mail", delay=2 * HOUR)
        known = hooks.queue_claim(
            want=EVERYTHING, limit=1, lease=HOUR, worker="w", now=clock.now()
        ).due
        queue.enqueue("mail", delay=HOUR)

        assert hooks.queue_wait(want=EVERYTHING, timeout=FOREVER, due=known) is True

    def test_what_is_known_to_fall_due_later_is_no_hint(self, queue: Queue, hooks: Hooks) -> None:
        if lacks(queue, Capability.WAKE):
            return
        due = queue.enqueue("mail", delay=HOUR).scheduled_at

        for known in (due, None):
            assert hooks.queue_wait(want=EVERYTHING, timeout=MOMENT, due=known) is False

    def test_a_wait_ends_with_its_timeout(self, queue: Queue, hooks: Hooks) -> None:
        if lacks(queue, Capability.WAKE):
            return
        queue.enqueue("sms")

        for timeout in (timedelta(0), MOMENT):
            for want in (Want(types=frozenset({"mail"})), Want(not_types=frozenset({"sms"}))):
                assert hooks.queue_wait(want=want, timeout=timeout) is False

    def test_a_wake_ends_every_wait_of_the_backend(self, queue: Queue, hooks: Hooks) -> None:
        if lacks(queue, Capability.WAKE):
            return
        waiters = [Waiter(hooks) for _ in range(3)]
        deadline = time.monotonic() + PATIENCE

        ended = [False]
        while not all(ended) and time.monotonic() < deadline:
            assert hooks.queue_wake() is not None  # None would mean "not mine"
            ended = [waiter.ended(within=0.05) for waiter in waiters]

        assert all(ended)

    def test_closing_ends_the_waits(self, queue: Queue, hooks: Hooks) -> None:
        if lacks(queue, Capability.WAKE):
            return
        waiter = Waiter(hooks)

        assert hooks.queue_close() is not None

        assert waiter.ended()
