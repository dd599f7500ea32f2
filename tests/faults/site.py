"""A store, the processes that work on it, and everything that was written about them."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from attrs import frozen
from tests.faults import effects, history
from tests.faults.checks import Violation, check
from tests.faults.crew import PATIENCE, Crew, Process
from tests.faults.effects import Effect
from tests.faults.history import History
from tests.faults.stores import Store

from gofastr_queue import BackendUnavailable, Job, Queue
from gofastr_queue_conformance.harness import everything
from gofastr_queue_conformance.watching import eventually

FULL = os.environ.get("GOFASTR_FAULTS") == "1"
"""Whether the tests shall run in full, not in the short form that everybody waits for."""

MARGIN = 3
"""How much later than promised something may be on a busy machine."""

SAMPLE_SECONDS = 0.1


@frozen
class Site:
    """``queue`` is this process's own, recorded as the workers' are."""

    store: Store
    folder: Path
    queue: Queue
    crew: Crew

    def start(self, *options: str, url: str = "", **given: Any) -> Process:
        """Start a worker process and wait until it asks for jobs."""
        process = self.crew.start(url or self.store.url, *options, **given)
        eventually(lambda: process.ready() or not process.alive(), "a worker", PATIENCE, 0.02)
        assert process.alive(), process.text()
        return process

    def effects(self, *ids: str) -> list[Effect]:
        """Return what handlers did so far, with these jobs or with all."""
        found = effects.read(self.folder)
        return [effect for effect in found if effect.id in ids] if ids else found

    def drained(self, within: float = PATIENCE) -> None:
        """Wait until no job is pending or claimed."""
        drained(self.queue, within)

    def history(self) -> History:
        """Return what happened until now."""
        left = {job.id: str(job.status) for job in everything(self.queue)}
        return history.read(self.folder, left)

    def violations(self) -> list[Violation]:
        """Return every promise that was broken until now."""
        return check(self.history())

    @contextmanager
    def sampled(self) -> Iterator[None]:
        """Count the jobs all the time, for the check of conservation."""
        with meanwhile(self.queue.stats, SAMPLE_SECONDS):
            yield


def drained(queue: Queue, within: float = PATIENCE) -> None:
    """Wait until no job is pending or claimed."""

    def empty() -> bool:
        try:
            stats = queue.stats()
        except BackendUnavailable:
            return False
        return not stats["pending"] and not stats["claimed"]

    eventually(empty, "an empty queue", within, SAMPLE_SECONDS)


@contextmanager
def meanwhile(act: Callable[[], object], every: float) -> Iterator[None]:
    """Do something now and then, from another thread; a store that is away does not end it."""
    ended = threading.Event()

    def go_on() -> None:
        while not ended.wait(every):
            with suppress(BackendUnavailable):
                act()

    with ThreadPoolExecutor(1) as executor:
        running = executor.submit(go_on)
        try:
            yield
        finally:
            ended.set()
        running.result()


def work(count: int, *seconds: float, **facts: Any) -> list[Job]:
    """Return so many jobs that take some time, and may be attempted often."""
    return [Job(type="work", payload=list(seconds), **({"max_attempts": 20} | facts))] * count
