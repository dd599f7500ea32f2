"""Several statements as one transaction of PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from psycopg import Pipeline

from gofastr_queue import failpoints
from gofastr_queue_sql.postgres_connection import Session

before_commit = failpoints.point("commit.before")


@contextmanager
def whole(connection: Session) -> Iterator[None]:
    """Commit at the end what was done on a connection, or nothing of it."""
    with connection.transaction():
        yield
        before_commit()


@contextmanager
def together(connection: Session) -> Iterator[None]:
    """Send statements without waiting for the answers in between, as one transaction.

    The server takes what comes up to a pipeline's end for one, if nothing inside asks for a result.
    """
    if not Pipeline.is_supported():
        with whole(connection):
            yield
        return
    with connection.pipeline():
        yield
        before_commit()
