"""The SQL backends: ``sqlite:///file.db``, and ``postgresql://host/db`` where psycopg is there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gofastr_queue_sql.sqlite import SqliteBackend

__all__ = ["PostgresBackend", "SqliteBackend"]

if TYPE_CHECKING:
    from gofastr_queue_sql.postgres import PostgresBackend
else:

    def __getattr__(name: str) -> object:
        """Import PostgreSQL's backend, and its driver, when it is asked for."""
        if name != "PostgresBackend":
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        try:
            from gofastr_queue_sql.postgres import PostgresBackend  # noqa: PLC0415 - needs psycopg
        except ImportError as error:
            raise ImportError(
                f"PostgresBackend needs psycopg 3 with its pool: {error}. "
                "Try: pip install 'gofastr-queue[postgres]'"
            ) from error
        return PostgresBackend
