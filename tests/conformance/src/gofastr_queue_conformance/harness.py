"""What a backend's author gives the kit, and what every contract begins with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any, ClassVar

import pytest
from attrs import frozen

from gofastr_queue import Capability, Job, Queue
from gofastr_queue.backends import Backend
from gofastr_queue.calls import resolve
from gofastr_queue.hookspecs import Hooks
from gofastr_queue.records import Draft
from gofastr_queue.testing import FakeClock
from gofastr_queue_conformance import evidence

OF_THE_KIT = "the kit"
"""The topic of what is no promise of a backend, and in no certificate."""


@frozen
class Harness:
    """One store, empty at the start of each test.

    ``open`` opens a backend on it; called again, it opens the same store again, as another worker
    would.  ``url`` is how another process opens it; needed for MULTI_PROCESS.  ``begin`` returns a
    DB-API connection to the same store inside an open transaction; needed for TRANSACTIONAL.

    Where the store is a server, ``address`` is where it listens, and ``through`` opens a backend on
    the same store through another host and port: the kit's proxy, which loses replies.
    """

    open: Callable[[], Backend]
    url: str = ""
    begin: Callable[[], Any] | None = None
    address: tuple[str, int] | None = None
    through: Callable[[str, int], Backend] | None = None


class Contract:
    """Promises about one topic: inherit it and give the fixture ``harness``."""

    TOPIC: ClassVar[str] = ""
    """What a certificate calls it; the class's own name where it is empty."""

    @pytest.fixture
    def harness(self) -> Harness:
        pytest.fail("a conformance test overrides the fixture 'harness'")

    @pytest.fixture
    def clock(self) -> FakeClock:
        return FakeClock()

    @pytest.fixture
    def queue(self, harness: Harness, clock: FakeClock) -> Iterator[Queue]:
        """A queue on the harness's store, on a clock that only the test moves."""
        with Queue(harness.open(), clock=clock) as queue:
            yield queue

    @pytest.fixture
    def other(self, queue: Queue, harness: Harness, clock: FakeClock) -> Iterator[Queue]:
        """Another queue on the same store, as another worker has, opened after ``queue``."""
        assert queue is not None
        with Queue(harness.open(), clock=clock) as other:
            yield other

    @pytest.fixture
    def hooks(self, queue: Queue, harness: Harness) -> Iterator[Hooks]:
        """The seam itself, on the same store."""
        assert queue is not None
        hooks = resolve(harness.open()).hooks
        yield hooks
        hooks.queue_close()


def lacks(queue: Queue, *needed: Capability) -> bool:
    """Tell whether a case proves nothing here: its operation is refused.

    ``RefusingContract`` proves that it is, so a case may simply return.  What a case asks here is
    what its result proves.
    """
    evidence.ask({one: one in queue.capabilities for one in needed})
    return not queue.capabilities.issuperset(needed)


def put(queue: Queue, *jobs: Job) -> list[Job]:
    """Enqueue jobs in order, at once where the backend can."""
    at_once = Capability.ATOMIC_BULK in queue.capabilities
    return queue.enqueue_many(jobs, chunk=None if at_once else 1)


def put_unreadable(hooks: Hooks, now: datetime, *ids: str) -> None:
    """Store jobs whose payload is no JSON, as another program or a broken disk might."""
    for id in ids:
        hooks.queue_put(drafts=[Draft(id, "mail", "{no JSON")], on_conflict="error", now=now)


def everything(queue: Queue) -> list[Job]:
    """Return every stored job, latest first; nothing where a store cannot be browsed.

    So a case may compare what was stored before and after on every backend.
    """
    if Capability.BROWSE not in queue.capabilities:
        return []
    jobs: list[Job] = []
    before = ""
    while True:
        page = queue.browse(limit=1_000, before=before)
        jobs += page.jobs
        before = page.next
        if not before:
            return jobs


def ids(jobs: list[Job]) -> list[str]:
    """Return the ids of jobs, in order."""
    return [job.id for job in jobs]
