"""What stands against the promises on a PostgreSQL server: settings, clock, rights, vacuum."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import psycopg
from attrs import frozen

from gofastr_queue.errors import QueueError
from gofastr_queue.records import Finding, Level
from gofastr_queue_sql.postgres_connection import OLDEST_SERVER, Sessions, execute
from gofastr_queue_sql.postgres_encryption import encryption, way
from gofastr_queue_sql.postgres_errors import READ_ONLY, first_line
from gofastr_queue_sql.postgres_schema import Schema
from gofastr_queue_sql.postgres_vacuum import LEAST
from gofastr_queue_sql.rows import moment

NOTED_SECONDS, WARNED_SECONDS = 1.0, 30.0
"""So far apart, two clocks are worth a note, and a warning."""

SHORT_MS = 1_000
"""A timeout below this may end a call of many jobs."""

TIMEOUTS = (
    "statement_timeout",
    "transaction_timeout",
    "lock_timeout",
    "idle_in_transaction_session_timeout",
)

MANY_DEAD = 10 * LEAST
"""Dead rows that are more than a busy queue leaves from one vacuum to the next."""

MAKE = "run gofastr-queue schema, or open the queue anew"

GRANT = "grant what gofastr-queue schema --print says"

Settings = Mapping[str, str]


@frozen
class Table:
    """What the server says of the queue's table, as in ``condition.sql``."""

    unlogged: bool
    autovacuum: bool
    dead: int
    live: int
    owned: bool
    lacking: list[str]
    sequence: bool


@frozen(eq=False)
class Diagnosis:
    """Examines the server of one queue."""

    sessions: Sessions
    sql: SimpleNamespace
    schema: Schema
    listen: bool

    def findings(self, now: datetime | None) -> list[Finding]:
        """Examine the server; ``now`` is the clock that was given to the queue, if one was."""
        began, here = time.monotonic(), now or datetime.now(UTC)
        with self.sessions.session() as connection:
            asked = time.monotonic()
            there, standby = execute(connection, self.sql.clock).fetchone()
            half = (time.monotonic() - asked) / 2
            settings = dict(execute(connection, self.sql.settings).fetchall())
            known = self.schema.version(connection)
            table = Table(*execute(connection, self.sql.condition).fetchone()) if known else None
            server = connection.info.server_version
            (gss,) = execute(connection, self.sql.encrypted).fetchone()
            gone = way(connection, gss=gss)
        ahead = here + timedelta(seconds=asked + half - began) - moment(there)
        return [
            version(server),
            *durability(settings, unlogged=table is not None and table.unlogged),
            writing(settings, standby=standby),
            clock(ahead.total_seconds(), half, given=now is not None),
            encryption(gone),
            isolation(settings),
            *timeouts(settings),
            self._waking(),
            self._schema(known),
            *(() if table is None else (*rights(table), *vacuum(settings, table))),
        ]

    def _waking(self) -> Finding:
        polled = "a new job is found at a worker's next poll"
        if not self.listen:
            remedy = "open the queue with listen=on, or the DSN of a direct connection"
            return Finding("waking", Level.NOTE, f"LISTEN is off: {polled}", remedy)
        try:
            with closing(self.sessions.connect()) as connection:
                execute(connection, self.sql.listen)
                kept = execute(connection, self.sql.listening).fetchone() is not None
        except (QueueError, psycopg.Error) as error:
            failed = f"LISTEN failed, so {polled}: {first_line(error)}"
            remedy = "give listen= the DSN of a direct connection"
            return Finding("waking", Level.NOTE, failed, remedy)
        if not kept:
            shared = f"LISTEN has no effect, as behind a pooler that shares sessions: {polled}"
            remedy = "give listen= the DSN of a direct connection, or off"
            return Finding("waking", Level.NOTE, shared, remedy)
        return Finding("waking", Level.OK, "LISTEN tells idle workers of new jobs")

    def _schema(self, known: int) -> Finding:
        name, latest = self.schema.name, self.schema.latest
        if not known:
            return Finding("schema", Level.BROKEN, f"table {name} is not there", MAKE)
        found = f"table {name} has schema version {known}"
        if known > latest:
            newer = f"{found}, this installation knows {latest}"
            return Finding("schema", Level.BROKEN, newer, "upgrade gofastr-queue-sql")
        return Finding("schema", Level.OK, found)


def version(number: int) -> Finding:
    """Judge a server's version, as the driver numbers it."""
    shown = f"PostgreSQL {number // 10_000}.{number % 10_000}"
    if number < 10_000 * OLDEST_SERVER:
        needed = f"upgrade the server to {OLDEST_SERVER} or later"
        return Finding("version", Level.BROKEN, f"{shown} is too old", needed)
    return Finding("version", Level.OK, shown)


def durability(settings: Settings, *, unlogged: bool) -> Iterator[Finding]:
    """Judge how commits are kept."""
    fine = True
    for wrong, level, text, remedy in (
        (
            settings["fsync"] == "off",
            Level.BROKEN,
            "fsync is off: a power cut may lose or damage everything",
            "set fsync = on in the server's configuration",
        ),
        (
            unlogged,
            Level.BROKEN,
            "the table is unlogged: a crash of the server empties it",
            "let its owner run ALTER TABLE … SET LOGGED",
        ),
        (
            settings["full_page_writes"] == "off",
            Level.WARNING,
            "full_page_writes is off: a power cut may leave half-written pages",
            "set full_page_writes = on, unless the server's disks write whole pages",
        ),
        (
            settings["synchronous_commit"] == "off",
            Level.WARNING,
            "synchronous_commit is off: a crash of the server may lose the last accepted jobs",
            "set synchronous_commit = on for this role or database",
        ),
    ):
        if wrong:
            fine = False
            yield Finding("durability", level, text, remedy)
    if fine:
        yield Finding("durability", Level.OK, "a commit outlasts a power cut")


def writing(settings: Settings, *, standby: bool) -> Finding:
    """Judge whether jobs can be changed at all."""
    if standby or settings["default_transaction_read_only"] == "on":
        return Finding("writing", Level.BROKEN, "nothing can be written here", READ_ONLY)
    return Finding("writing", Level.OK, "this is no standby, and not read-only")


def clock(ahead: float, error: float, *, given: bool) -> Finding:
    """Judge by how many seconds a clock here is ahead of the server's, give or take ``error``."""
    apart = max(abs(ahead) - error, 0.0)
    off = f"{apart:.1f} s {'ahead of' if ahead > 0 else 'behind'} the server's"
    if apart <= NOTED_SECONDS:
        return Finding("clock", Level.OK, "the server's clock decides, and the one here agrees")
    level = Level.WARNING if apart > WARNED_SECONDS else Level.NOTE
    if given:
        wrong = f"the clock given to the queue decides for it, and is {off}"
        return Finding("clock", level, wrong, "leave clock= out, except in tests")
    wrong = (
        f"this process's clock is {off}, which decides: only times that are computed or shown "
        "here are off (scheduled_at, older_than, ages)"
    )
    return Finding("clock", level, wrong, "let NTP set the clocks of this host and the server")


def isolation(settings: Settings) -> Finding:
    """Judge the isolation of transactions that ask for none."""
    level = settings["default_transaction_isolation"]
    if level == "read committed":
        return Finding("isolation", Level.OK, f"transactions are {level}")
    wrong = f"transactions are {level}: those that meet are done again, at the cost of speed"
    remedy = "set default_transaction_isolation = 'read committed' for this role or database"
    return Finding("isolation", Level.WARNING, wrong, remedy)


def timeouts(settings: Settings) -> Iterator[Finding]:
    """Judge what ends a session's work before it is done; nothing is said of what does not."""
    for name in TIMEOUTS:
        allowed = int(settings.get(name, 0))  # older servers lack some
        if 0 < allowed < SHORT_MS:
            short = f"{name} is {allowed} ms: a call of many jobs may be refused"
            remedy = f"raise it to {SHORT_MS} ms, or do less at a time (chunk=, limit=)"
            yield Finding("timeouts", Level.NOTE, short, remedy)


def rights(table: Table) -> Iterator[Finding]:
    """Judge what this role may do."""
    lacking = ", ".join(table.lacking)
    if lacking:
        missing = f"this role lacks {lacking} on the table"
        yield Finding("rights", Level.BROKEN, missing, GRANT)
    if not table.sequence:
        missing = "this role lacks USAGE on the table's sequence"
        yield Finding("rights", Level.BROKEN, missing, GRANT)
    if table.owned:
        yield Finding("rights", Level.OK, "this role owns the table")
    elif not lacking and table.sequence:
        yield Finding(
            "rights",
            Level.NOTE,
            "this role works with the table, but to vacuum, reindex and upgrade it is its owner's",
            "leave autovacuum on, and let the owner run gofastr-queue schema after an upgrade",
        )


def vacuum(settings: Settings, table: Table) -> Iterator[Finding]:
    """Judge whether dead rows are removed."""
    rows = f"{table.dead} dead rows beside {table.live} live ones"
    off = [name for name in ("autovacuum", "track_counts") if settings[name] == "off"]
    if not table.autovacuum:
        off.append("autovacuum_enabled of the table")
    if off:
        named = " and ".join(off)
        wrong = f"{named} is off: dead rows are left to the queues of the table's owner"
        yield Finding("vacuum", Level.WARNING, wrong, f"set {named} to on")
    if table.dead > MANY_DEAD + table.live:
        wrong = f"{rows} make claims slow"
        remedy = "end transactions that stay open for long, then let the owner run VACUUM"
        yield Finding("vacuum", Level.WARNING, wrong, remedy)
    elif not off:
        yield Finding("vacuum", Level.OK, f"autovacuum is on; {rows}")
