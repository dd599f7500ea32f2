"""What a SQLite URL says: a file, a table in it, and how its commits are kept."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

from attrs import frozen

from gofastr_queue.backends import redact, url_options
from gofastr_queue.errors import InvalidOption


@frozen
class Place:
    """Where a queue is."""

    file: str
    table: str
    synchronous: str


def read(url: str, table: str | None, synchronous: str | None) -> Place:
    """Read ``sqlite:///relative.db`` or ``sqlite:////absolute.db``; what is given goes first."""
    parts = urlsplit(url)
    options = url_options(url)
    table = options.pop("table", "queue_jobs") if table is None else table
    synchronous = options.pop("synchronous", "full") if synchronous is None else synchronous
    unknown = sorted(options.keys() - {"table", "synchronous"})
    if unknown:
        raise TypeError(f"unknown option {unknown[0]!r} for sqlite://; known: table, synchronous")
    file = unquote(parts.path[1:])
    if parts.netloc or not file:
        raise InvalidOption(
            "a SQLite URL names a file after three slashes, for instance 'sqlite:///jobs.db'; "
            f"got {redact(url)}"
        )
    return Place(file, table, synchronous)
