"""What a worker's waiter makes of what the store tells it."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from attrs import define, field

from gofastr_queue.calls import resolve
from gofastr_queue.limits import LATEST
from gofastr_queue.records import EVERYTHING, Draft
from gofastr_queue.worker.waiter import Waiter, Watch
from gofastr_queue_conformance.watching import eventually
from gofastr_queue_memory import MemoryBackend

SOON = 0.2
"""Seconds in which a second nudge would have come."""


@define
class Site:
    """A waiter at a store in memory; nobody claims."""

    backend: MemoryBackend = field(factory=MemoryBackend)
    nudges: int = 0

    def nudge(self) -> None:
        self.nudges += 1

    def put(self) -> None:
        self.backend.queue_put([Draft(f"{time.monotonic_ns()}", "mail", "1")], "error", None)


@pytest.fixture
def site() -> Site:
    return Site()


@pytest.fixture
def waiter(site: Site) -> Iterator[Waiter]:
    waiter = Waiter(resolve(site.backend), site.nudge)
    waiter.start()
    yield waiter
    waiter.stop()


def watch() -> Watch:
    return Watch(EVERYTHING, time.monotonic() + 30, LATEST)


def test_a_hint_nudges_once_although_a_second_wait_was_asked_for(
    site: Site, waiter: Waiter
) -> None:
    waiter.watch(watch())
    time.sleep(SOON)
    waiter.watch(watch())

    site.put()

    eventually(lambda: site.nudges, "a nudge")
    time.sleep(SOON)
    assert site.nudges == 1


def test_a_wait_that_is_asked_for_after_a_nudge_nudges_again(site: Site, waiter: Waiter) -> None:
    waiter.watch(watch())
    site.put()
    eventually(lambda: site.nudges == 1, "a nudge")

    waiter.watch(watch())

    eventually(lambda: site.nudges == 2, "the job is still there")
