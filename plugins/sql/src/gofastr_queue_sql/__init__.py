"""The SQL backends: ``sqlite:///file.db``."""

from gofastr_queue_sql.sqlite import SqliteBackend

__all__ = ["SqliteBackend"]
