"""The mutants of schedules: ticks that are doubled, lost, or decided by halves."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

CORE = "core/src/gofastr_queue"
SQL = "plugins/sql/src/gofastr_queue_sql"

ONLY = "-k 'schedule or tick or fire or thousand or operator or caught or anew'"
ON_MEMORY = f"plugins/memory/tests {ONLY}"
ON_SQLITE = f"plugins/sql/tests/test_conformance.py {ONLY}"
ON_POSTGRES = f"plugins/sql/tests/test_postgres_conformance.py {ONLY}"


def _core(breaks: str, file: str, old: str, new: str) -> Mutant:
    return Mutant(1, f"schedules: {breaks}", f"{CORE}/{file}", old, new, ON_MEMORY)


def _sqlite(breaks: str, file: str, old: str, new: str) -> Mutant:
    return Mutant(1, f"schedules in sqlite: {breaks}", f"{SQL}/{file}", old, new, ON_SQLITE)


def _postgres(breaks: str, file: str, old: str, new: str) -> Mutant:
    return Mutant(1, f"schedules in postgres: {breaks}", f"{SQL}/{file}", old, new, ON_POSTGRES)


SCHEDULES = [
    _core(
        "a stale fire counts",
        "book.py",
        "known is None or known.version != fire.version or known.paused",
        "known is None or known.paused",
    ),
    _core(
        "a paused schedule fires",
        "book.py",
        "known.version != fire.version or known.paused:",
        "known.version != fire.version:",
    ),
    _core(
        "registering anew forgets what is decided",
        "book.py",
        "watermark=max(known.watermark, now) if resumed else known.watermark,",
        "watermark=now,",
    ),
    _core(
        "the end of a pause catches up",
        "book.py",
        "watermark=max(known.watermark, now) if resumed else known.watermark,",
        "watermark=known.watermark,",
    ),
    _core("the history grows for ever", "book.py", "        del kept[:-KEPT_OCCURRENCES]\n", ""),
    _core(
        "missed ticks are not recorded",
        "schedules.py",
        "    skipped = tuple(due[:-1])\n",
        "    skipped = ()\n",
    ),
    _core(
        "what is late is fired all the same",
        "schedules.py",
        "definition.catch_up is CatchUp.NONE and now - newest > TOLERANCE",
        "now - newest > 10_000 * TOLERANCE",
    ),
    _core(
        "one that cannot be read ends the look",
        "scheduler/agenda.py",
        "        except CorruptSchedule as error:",
        "        except ZeroDivisionError as error:",
    ),
    _sqlite(
        "a stale fire counts",
        "sqlite_sql/schedule_last.sql",
        "AND version = :version ",
        "AND :version ",
    ),
    _sqlite(
        "a dead job holds the next tick up",
        "sqlite_sql/schedule_alive.sql",
        " AND state <> 'failed'",
        "",
    ),
    _postgres(
        "a stale fire counts",
        "postgres_sql/schedule_last.sql",
        "AND schedule.version = %(version)s ",
        "AND %(version)s > 0 ",
    ),
    _postgres(
        "schedules are not locked",
        "postgres_sql/schedule_lock.sql",
        " ORDER BY id FOR UPDATE",
        " ORDER BY id",
    ),
]
