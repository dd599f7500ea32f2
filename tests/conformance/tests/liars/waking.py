"""Liars about waiting: hints that come without a reason, late, or never."""

from __future__ import annotations

from datetime import datetime, timedelta

from tests.conformance.tests.liars.catalogue import liar
from tests.conformance.tests.liars.honest import Memory, Sqlite

from gofastr_queue import limits
from gofastr_queue.hookspecs import hookimpl
from gofastr_queue.records import EVERYTHING, Want


@liar(
    "test_a_wait_ends_with_its_timeout",
    "test_an_enqueued_job_ends_a_wait",
    "test_what_is_ready_already_needs_no_wait",
    "test_closing_ends_the_waits",
)
class AlwaysAHint(Memory):
    """Every wait ends with a hint, even where nothing is."""

    @hookimpl
    def queue_wait(self, want: Want, timeout: timedelta, due: datetime | None = None) -> bool:
        super().queue_wait(want, timeout, due)
        return True


@liar(
    "test_a_wait_ends_with_its_timeout",
    "test_an_enqueued_job_ends_a_wait",
    "test_what_is_ready_already_needs_no_wait",
    "test_a_wake_ends_every_wait_of_the_backend",
)
class AnyJobIsAHint(Memory):
    """A wait ends with a hint at jobs that nobody asked for."""

    @hookimpl
    def queue_wait(self, want: Want, timeout: timedelta, due: datetime | None = None) -> bool:  # noqa: ARG002 - whatever is wanted
        return super().queue_wait(EVERYTHING, timeout, due)


@liar(
    "test_an_enqueued_job_ends_a_wait",
    "test_what_is_ready_already_needs_no_wait",
    "test_a_wait_ends_with_its_timeout",
    "test_a_wake_ends_every_wait_of_the_backend",
)
class NeverWoken(Memory):
    """A wait that has begun ends only with its time, or when it is told to."""

    @hookimpl
    def queue_wait(self, want: Want, timeout: timedelta, due: datetime | None = None) -> bool:
        if super().queue_wait(want, timedelta(0), due):
            return True
        return super().queue_wait(Want(types=frozenset()), timeout, limits.EARLIEST)


@liar(
    "test_a_job_that_will_fall_due_ends_a_wait",
    "test_an_enqueued_job_ends_a_wait",
    "test_what_is_known_to_fall_due_later_is_no_hint",
    "test_a_wait_ends_with_its_timeout",
)
class SoonerJobsAreNoHint(Memory):
    """A job that will fall due sooner than those known does not end a wait."""

    @hookimpl
    def queue_wait(self, want: Want, timeout: timedelta, due: datetime | None = None) -> bool:  # noqa: ARG002 - whatever is known
        return super().queue_wait(want, timeout, limits.EARLIEST)


@liar(
    "test_a_wake_ends_every_wait_of_the_backend",
    "test_an_enqueued_job_ends_a_wait",
    "test_closing_ends_the_waits",
    "test_a_wait_ends_with_its_timeout",
)
class WakesNobody(Memory):
    """A wake says that it did, and ends no wait."""

    @hookimpl
    def queue_wake(self) -> bool:
        return super().queue_wake() if self._closed else True


@liar(
    "test_an_enqueued_job_ends_a_wait",
    "test_an_enqueue_by_the_waiting_backend_ends_its_wait",
    "test_what_is_ready_already_needs_no_wait",
    "test_a_wait_ends_with_its_timeout",
)
class DeafToOthers(Sqlite):
    """A wait notices what its own opening writes, and nobody else's."""

    def _version(self) -> int:
        return 0
