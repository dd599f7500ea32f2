"""The demo's results: what was counted, by file, so that a job which runs twice counts once."""

from __future__ import annotations

import sqlite3
import threading
import time
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from attrs import frozen

SCHEMA = """
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS counted (
    file TEXT PRIMARY KEY, lines INTEGER, tokens INTEGER, note TEXT, at REAL
);
CREATE TABLE IF NOT EXISTS starts (file TEXT, attempt INTEGER, again INTEGER, ready REAL, at REAL);
CREATE TABLE IF NOT EXISTS dead (
    file TEXT PRIMARY KEY, attempts INTEGER, error TEXT, replayed INTEGER DEFAULT 0
);
CREATE TABLE IF NOT EXISTS unreadable (file TEXT PRIMARY KEY);
"""


@frozen
class Totals:
    """What all runs have brought so far."""

    files: int
    lines: int
    tokens: int
    unreadable: int


class Tally:
    """The results' database; every process of the demo opens it."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        self._connection = sqlite3.connect(
            path, timeout=30, isolation_level=None, check_same_thread=False
        )
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = NORMAL")
        self._connection.executescript(SCHEMA)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the database."""
        with self._lock:
            self._connection.close()

    # What the producer says

    def begin(self, source: str, lease: timedelta) -> str:
        """Return the source folder of the first run, which is this one if there was none."""
        self._do("INSERT OR IGNORE INTO facts VALUES ('source', ?)", source)
        self._do("INSERT OR REPLACE INTO facts VALUES ('lease', ?)", lease.total_seconds())
        return str(self.source())

    def bury(self, file: str, attempts: int, error: str) -> None:
        """Remember a dead letter."""
        self._do(
            "INSERT INTO dead (file, attempts, error) VALUES (?, ?, ?) ON CONFLICT (file) "
            "DO UPDATE SET attempts = excluded.attempts, error = excluded.error",
            *(file, attempts, error),
        )

    def accept(self, file: str) -> None:
        """Put a file on the list of those that are known to be unreadable."""
        self._do("INSERT OR IGNORE INTO unreadable VALUES (?)", file)

    def replaying(self, file: str) -> None:
        """Remember that a dead letter is about to be replayed."""
        self._do("UPDATE dead SET replayed = 1 WHERE file = ?", file)

    # What handlers say and ask

    def source(self) -> Path:
        """Return the source folder."""
        return Path(self._ask("SELECT value FROM facts WHERE name = 'source'")[0][0])

    def lease(self) -> timedelta:
        """Return the lease of this run's claims."""
        ((seconds,),) = self._ask("SELECT value FROM facts WHERE name = 'lease'")
        return timedelta(seconds=float(seconds))

    def started(self, file: str, attempt: int, ready: float, *, again: bool) -> None:
        """Remember that an attempt began, and since when it could have."""
        self._do(
            "INSERT INTO starts VALUES (?, ?, ?, ?, ?)", file, attempt, again, ready, time.time()
        )

    def count(self, file: str, lines: int, tokens: int, note: str = "") -> None:
        """Remember what a file holds, in place of what an earlier run of the job said."""
        self._do(
            "INSERT OR REPLACE INTO counted VALUES (?, ?, ?, ?, ?)",
            *(file, lines, tokens, note, time.time()),
        )

    def is_unreadable(self, file: str) -> bool:
        """Tell whether a file is known to be unreadable."""
        return bool(self._ask("SELECT 1 FROM unreadable WHERE file = ?", file))

    # What the summary asks

    def counted(self) -> set[str]:
        """Return the files that are counted."""
        return {file for (file,) in self._ask("SELECT file FROM counted")}

    def counted_since(self, moment: float) -> tuple[int, float]:
        """Return how many files were counted since then, and when the last one was."""
        asked = "SELECT count(*), coalesce(max(at), 0) FROM counted WHERE at >= ?"
        ((count, last),) = self._ask(asked, moment)
        return int(count), float(last)

    def totals(self) -> Totals:
        """Return the sums."""
        asked = "SELECT count(*), sum(lines), sum(tokens), sum(note <> '') FROM counted"
        return Totals(*(int(value or 0) for value in self._ask(asked)[0]))

    def dead(self) -> tuple[int, int]:
        """Return how many dead letters there ever were, and how many of them were replayed."""
        ((dead, replayed),) = self._ask("SELECT count(*), coalesce(sum(replayed), 0) FROM dead")
        return int(dead), int(replayed)

    def retries(self) -> int:
        """Return how many attempts were not a job's first one."""
        return int(self._ask("SELECT count(*) FROM starts WHERE attempt > 1")[0][0])

    def waits(self, since: float, *, again: bool) -> list[float]:
        """Return the seconds from ready to started, ascending, of what became ready since then."""
        asked = "SELECT max(at - ready, 0) FROM starts WHERE ready >= ? AND again = ? ORDER BY 1"
        return [float(wait) for (wait,) in self._ask(asked, since, again)]

    def _do(self, statement: str, *values: Any) -> None:
        with self._lock:
            self._connection.execute(statement, values)

    def _ask(self, statement: str, *values: Any) -> list[Any]:
        with self._lock:
            return self._connection.execute(statement, values).fetchall()
