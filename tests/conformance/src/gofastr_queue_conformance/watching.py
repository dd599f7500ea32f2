"""What the worker's contracts share: hired workers, plugins that watch them, and waiting."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Collection, Generator, Iterator, Sequence
from typing import Any

import pytest

from gofastr_queue import Claim, Job, Queue, hookimpl
from gofastr_queue.errors import BackendUnavailable
from gofastr_queue.hookspecs import Hooks
from gofastr_queue.records import Release
from gofastr_queue_conformance.harness import Contract, Harness

PATIENCE = 10.0
"""Seconds that something may take before it counts as never; far more than any promise."""

OPERATIONS = tuple(name for name in dir(Hooks) if name.startswith("queue_"))


class Hire:
    """Opens further queues on the harness's store, as other workers would."""

    def __init__(self, harness: Harness) -> None:
        self._harness = harness
        self._queues: list[Queue] = []

    def __call__(self, **options: Any) -> Queue:
        """Open a queue with these options of ``Queue``; it is closed at the test's end."""
        queue = Queue(self._harness.open(), **options)
        self._queues.append(queue)
        return queue

    def dismiss(self) -> None:
        """Close every queue."""
        for queue in self._queues:
            queue.close(timeout=2)


class Worked(Contract):
    """A contract about workers: these run in real time, on the store's own clock."""

    TOPIC = "working"

    @pytest.fixture
    def hire(self, harness: Harness) -> Iterator[Hire]:
        """Open queues for workers, closed at the end."""
        hire = Hire(harness)
        yield hire
        hire.dismiss()

    @pytest.fixture
    def producer(self, harness: Harness) -> Iterator[Queue]:
        """A queue without a worker: it enqueues, and looks at what is left."""
        with Queue(harness.open()) as queue:
            yield queue


def eventually(
    happened: Callable[[], object], what: str, within: float = PATIENCE, every: float = 0.005
) -> None:
    """Wait until ``happened`` is true; fail, saying ``what`` did not come, after ``within`` s."""
    deadline = time.monotonic() + within
    while not happened():
        if time.monotonic() > deadline:
            pytest.fail(f"not within {within:g} s: {what}")
        time.sleep(every)


def never(happened: Callable[[], object], what: str, during: float) -> None:
    """Watch for ``during`` seconds that ``happened`` stays false."""
    deadline = time.monotonic() + during
    while time.monotonic() < deadline:
        if happened():
            pytest.fail(f"must not happen: {what}")
        time.sleep(0.01)


def left(queue: Queue) -> dict[str, int]:
    """Claim every ready job; return the attempts that each had used before."""
    claims: list[Claim] = []
    while batch := queue.claim(500):
        claims += batch
    return {claim.job.id: claim.job.attempts - 1 for claim in claims}


def naming(records: Sequence[logging.LogRecord], level: int, *names: str) -> list[str]:
    """Return the messages of this level that name all of ``names``, in text or fields."""
    return [
        record.getMessage()
        for record in records
        if record.levelno == level
        and all(name in f"{record.getMessage()} {vars(record)}" for name in names)
    ]


class Told:
    """An observer that keeps what it is told, as ids."""

    def __init__(self) -> None:
        self.enqueued: list[str] = []
        self.started: list[str] = []
        self.finished: list[str] = []
        self.failed: list[str] = []
        self.buried: list[str] = []
        self.dropped: list[str] = []
        self.stale: list[str] = []
        self.releases: list[Release] = []

    @hookimpl
    def jobs_enqueued(self, jobs: Sequence[Job]) -> None:
        self.enqueued += [job.id for job in jobs]

    @hookimpl
    def jobs_started(self, claims: Sequence[Claim]) -> None:
        self.started += [claim.job.id for claim in claims]

    @hookimpl
    def jobs_finished(self, claims: Sequence[Claim]) -> None:
        self.finished += [claim.job.id for claim in claims]

    @hookimpl
    def jobs_failed(self, releases: Sequence[Release]) -> None:
        self.releases += releases
        self.failed += [release.claim.job.id for release in releases]

    @hookimpl
    def jobs_buried(self, jobs: Sequence[Job]) -> None:
        self.buried += [job.id for job in jobs]

    @hookimpl
    def jobs_dropped(self, jobs: Sequence[Job]) -> None:
        self.dropped += [job.id for job in jobs]

    @hookimpl
    def claims_stale(self, claims: Sequence[Claim]) -> None:
        self.stale += [claim.job.id for claim in claims]


class Around:
    """A plugin round every operation; it has a wrapper for each of ``OPERATIONS``."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()

    def before(self, operation: str) -> None:
        """Be there before the backend is called."""

    def after(self, operation: str, result: Any) -> None:
        """Be there after the backend has answered."""


def _wrapper(operation: str) -> Any:
    def wrap(self: Around) -> Generator[None, Any, Any]:  # takes none of the hook's arguments
        self.calls[operation] += 1
        self.before(operation)
        result = yield
        self.after(operation, result)
        return result

    return hookimpl(wrapper=True)(wrap)


for _operation in OPERATIONS:
    setattr(Around, _operation, _wrapper(_operation))


class Outage(Around):
    """Makes operations fail while they are ``down``.

    With ``lost_reply`` the store still does what it was asked, and only the answer is lost.
    """

    def __init__(
        self,
        down: Collection[str] = (),
        *,
        lost_reply: bool = False,
        error: Callable[[], Exception] = lambda: BackendUnavailable("the store is away"),
    ) -> None:
        super().__init__()
        self.down = frozenset(down)
        self.refused: Counter[str] = Counter()
        self._lost_reply = lost_reply
        self._error = error

    def before(self, operation: str) -> None:
        if not self._lost_reply:
            self._refuse(operation)

    def after(self, operation: str, result: Any) -> None:  # noqa: ARG002 - the answer is lost
        if self._lost_reply:
            self._refuse(operation)

    def _refuse(self, operation: str) -> None:
        if operation in self.down:
            self.refused[operation] += 1
            raise self._error()
