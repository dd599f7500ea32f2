"""Telling observers: each on its own, a failing one logged, nothing done when nobody listens."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from attrs import frozen

from gofastr_queue.fitting import Function
from gofastr_queue.job import Claim, Job
from gofastr_queue.records import Put, Release

log = logging.getLogger("gofastr_queue")


@frozen(eq=False)
class Observers:
    """The observer plugins of a queue."""

    functions: dict[str, tuple[Function, ...]]

    def enqueued(self, jobs: Sequence[Job], puts: Sequence[Put]) -> None:
        """Tell ``jobs_enqueued`` of those that this call has stored."""
        if self.functions["jobs_enqueued"]:
            new = [job for job, put in zip(jobs, puts, strict=True) if put.new]
            self._tell("jobs_enqueued", new)

    def started(self, claims: Sequence[Claim]) -> None:
        """Tell ``jobs_started``."""
        self._tell("jobs_started", claims)

    def finished(self, claims: Sequence[Claim]) -> None:
        """Tell ``jobs_finished``."""
        self._tell("jobs_finished", claims)

    def failed(self, releases: Sequence[Release]) -> None:
        """Tell ``jobs_failed``."""
        self._tell("jobs_failed", releases)

    def buried(self, jobs: Sequence[Job]) -> None:
        """Tell ``jobs_buried``."""
        self._tell("jobs_buried", jobs)

    def dropped(self, jobs: Sequence[Job]) -> None:
        """Tell ``jobs_dropped``."""
        self._tell("jobs_dropped", jobs)

    def stale(self, claims: Sequence[Claim]) -> None:
        """Tell ``claims_stale``."""
        self._tell("claims_stale", claims)

    def _tell(self, name: str, values: Sequence[object]) -> None:
        functions = self.functions[name]
        if not functions or not values:
            return
        for function in functions:
            try:
                function(values)
            except BaseException:
                log.exception("observer failed", extra={"hook": name})
