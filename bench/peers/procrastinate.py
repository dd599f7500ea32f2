"""Procrastinate with its synchronous producer; at least once.

Its worker is ``procrastinate worker``: a coroutine as task, ten at once, and finished jobs deleted.
"""

from __future__ import annotations

from collections.abc import Sequence
from time import perf_counter

from bench.contest.contestant import Payload, serve
from bench.peers.handler import handle_fields
from bench.peers.peer import PostgresPeer
from bench.peers.place import url
from procrastinate import App, PsycopgConnector

CONCURRENCY = 10

app = App(connector=PsycopgConnector(conninfo=url(), max_size=CONCURRENCY))
noop = app.task(name="noop")(handle_fields)


class Peer(PostgresPeer):
    """Jobs that have failed or, unless they are deleted, succeeded stay in the table."""

    package = "procrastinate"
    worker = (
        *("procrastinate", "--app", "bench.peers.procrastinate.app", "--log-level", "warning"),
        *("worker", "--concurrency", str(CONCURRENCY), "--delete-jobs", "always"),
    )
    tables = "procrastinate_jobs CASCADE"
    waiting = "SELECT count(*) FROM procrastinate_jobs WHERE status IN ('todo', 'doing')"

    def __init__(self, url: str) -> None:
        super().__init__(url)
        app.open()

    def make(self) -> None:
        """Apply its schema."""
        app.schema_manager.apply_schema()

    def enqueue_one(self, payload: Payload) -> None:
        """Defer."""
        noop.defer(**payload)

    def bulk(self, payloads: Sequence[Payload], by: int) -> float:
        """Defer batches."""
        begin = perf_counter()
        for start in range(0, len(payloads), by):
            noop.batch_defer(*payloads[start : start + by])
        return perf_counter() - begin

    def close(self) -> None:
        """Close the connections."""
        app.close()
        super().close()


if __name__ == "__main__":
    serve(Peer)
