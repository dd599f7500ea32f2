"""Logs of a worker on stderr: one record a line, its fields behind it, no passwords."""

from __future__ import annotations

import logging
from datetime import UTC, datetime

from gofastr_queue.cli.commands import without_passwords
from gofastr_queue.cli.texts import plain

LEVELS = ("debug", "info", "warning", "error")

_KNOWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class Lines(logging.Formatter):
    """Writes a record so that nothing in it looks like another record."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, and below it, indented, the traceback."""
        fields = (f"{key}={value}" for key, value in vars(record).items() if key not in _KNOWN)
        line = " ".join((record.getMessage(), *fields))
        when = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        text = f"{when} {record.levelname} [{record.process}] {plain(line)}"
        if record.exc_info:
            trace = self.formatException(record.exc_info).splitlines()
            text = "\n    ".join((text, *(plain(one) for one in trace)))
        return without_passwords(text)


def to_stderr(level: str) -> None:
    """Log to stderr, unless the application has arranged its logging already."""
    root = logging.getLogger()
    if not root.handlers:
        handler = logging.StreamHandler()
        handler.setFormatter(Lines())
        root.addHandler(handler)
        root.setLevel(level.upper())
