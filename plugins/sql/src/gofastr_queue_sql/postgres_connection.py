"""Connections to PostgreSQL: our pool, a caller's pool, or one connection of a caller's.

Nothing here outlives a transaction: no setting, no lock, and no prepared statement where a session
may be another's next.  So any pool that hands out a server's session for each transaction will do.
"""

from __future__ import annotations

import logging
import os
import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

import psycopg
from psycopg import Connection, Cursor
from psycopg.conninfo import make_conninfo
from psycopg.pq import TransactionStatus
from psycopg.rows import tuple_row
from psycopg_pool import ConnectionPool, PoolClosed, PoolTimeout

from gofastr_queue.errors import BackendUnavailable, InvalidOption
from gofastr_queue_sql import forks
from gofastr_queue_sql.postgres_errors import CONFLICT, FORGOTTEN, translate, translated
from gofastr_queue_sql.postgres_given import complete, usable
from gofastr_queue_sql.postgres_pool import Pool
from gofastr_queue_sql.postgres_prepared import Pooled

Result = TypeVar("Result")
Row = tuple[Any, ...]
Session = Connection[Any]

POOL = "gofastr-queue"
"""The name of every pool of ours, as it stands in psycopg's log records."""

OLDEST_SERVER = 13

REFUSED_SECONDS = 1.0
"""How long an operation waits for a connection while the server refuses new ones."""

BUSY_SECONDS = 30.0
"""How long an operation waits while others have every connection."""

RECONNECT_SECONDS = 1.5
"""How long the pool tries to reconnect by itself; after that, whoever needs a connection does."""

CONFLICT_TRIES = 20
"""Tries of an operation that the server undid because it got in the way of another."""

HOME = """
SELECT oid::bigint, pg_postmaster_start_time(), current_database()
FROM pg_database WHERE datname = current_database()
"""


class Sessions:
    """Where operations get their connections from.

    Our own pool is made anew in a forked child; what belongs to the caller is refused there.
    """

    fork_rank = 1

    def __init__(
        self, database: str | Session | ConnectionPool[Any], size: int, direct: str = ""
    ) -> None:
        """Use ``database``; ``direct`` is the DSN of connections beside the pool."""
        self._size = size
        self._lock = threading.RLock()
        self._closed = False
        self._process = os.getpid()
        self._why: psycopg.Error | None = None
        self._pool: Pool | None = None
        self._class = self._remembering()
        self._spare: Session | None = None  # the first connection, until the pool takes it
        self._inherited: list[object] = []  # a parent's connections must not be closed here
        self._given = None if isinstance(database, str) else usable(database)
        self._dsn = complete(database) if isinstance(database, str) else ""
        self._direct = complete(direct) if direct else self._dsn
        self.name = "PostgreSQL"
        self._home: Row | None = None
        with translated(self.name), self._first() as connection:
            self.name = place(connection)
            self._direct = self._direct or complete(
                make_conninfo(connection.info.dsn, password=connection.info.password)
            )
            _refuse_unfit(connection, self.name)
        forks.watch(self)

    @property
    def many(self) -> bool:
        """Whether there can be connections beside: not with a caller's only one."""
        return not isinstance(self._given, Connection)

    @contextmanager
    def session(self) -> Iterator[Session]:
        """Give a connection for one transaction: a statement, or what a block makes of several."""
        with translated(self.name), self._connection() as connection:
            yield connection

    def run(self, work: Callable[[Session], Result]) -> Result:
        """Do ``work`` in one transaction, again where the server did nothing of it."""
        for left in reversed(range(CONFLICT_TRIES)):
            try:
                return self._once(work)
            except BackendUnavailable as error:
                if not isinstance(error.__cause__, CONFLICT) or not left:
                    raise
            time.sleep(random.uniform(0, 0.1))  # noqa: S311 - no secret
        raise AssertionError("the last try returns or raises")

    def _once(self, work: Callable[[Session], Result]) -> Result:
        """Do ``work`` without ``session``, whose making takes a tenth of a short statement."""
        if self._given is not None:
            with self.session() as connection:
                return work(connection)
        try:
            pool = self._opened()
            connection = self._take(pool)
            try:
                return work(connection)
            finally:
                pool.putconn(connection)
        except psycopg.Error as error:
            if isinstance(error, FORGOTTEN):
                self._class.shared = True  # one of the pool's sessions is not ours alone
            raise translate(self.name, error) from error

    def refuse_other(self, connection: Session) -> None:
        """Raise unless a caller's connection is to the database of the queue, and not its own."""
        if connection is self._given:
            raise InvalidOption(
                "the transaction is on the queue's own connection, which its worker uses too; "
                "open the queue by its DSN or on a pool"
            )
        theirs = home(connection)
        if theirs != self._home:
            with self.session() as own:
                self._home = home(own)  # the server may have been started anew
        if theirs != self._home:
            raise InvalidOption(
                f"the transaction is on {place(connection)}, the queue in {self.name}"
            )

    def connect(self) -> Session:
        """Open a connection beside the pool."""
        with translated(self.name):
            return psycopg.connect(
                self._direct, autocommit=True, prepare_threshold=None, client_encoding="utf8"
            )

    def close(self) -> None:
        """Close what is ours; repeatable."""
        with self._lock:
            self._closed = True
            pool, self._pool = self._pool, None
            spare, self._spare = self._spare, None
        if spare is not None:
            spare.close()
        if pool is not None:
            pool.close(timeout=1)

    def before_fork(self) -> None:
        """Let no other thread hold the lock in the child."""
        self._lock.acquire()

    def after_fork(self) -> None:
        """Go on; a child leaves its parent's connections alone."""
        if os.getpid() != self._process and self._given is None:
            self._process = os.getpid()
            self._inherited += [self._pool, self._spare]
            self._pool = self._spare = None
        self._lock.release()

    @contextmanager
    def _first(self) -> Iterator[Session]:
        """Connect at once, so that a wrong password is an error now and not a retry."""
        if self._given is not None:
            with self._connection() as connection:
                yield connection
            return
        connection = self._class.connect(self._dsn, autocommit=True)
        try:
            yield connection
        except BaseException:
            connection.close()
            raise
        self._spare = connection

    @contextmanager
    def _connection(self) -> Iterator[Session]:
        if isinstance(self._given, Connection):
            self._refuse_unusable()
            with self._lock:
                if self._given.info.transaction_status is not TransactionStatus.IDLE:
                    raise BackendUnavailable(
                        f"the connection to {self.name} is closed or inside a transaction of its "
                        "owner: commit it first"
                    )
                with committed(self._given):
                    yield self._given
        elif self._given is not None:
            self._refuse_unusable()
            with self._given.connection() as connection:
                yield connection
        else:
            pool = self._opened()
            connection = self._take(pool)
            try:
                yield connection
            finally:
                pool.putconn(connection)

    def _refuse_unusable(self) -> None:
        if self._closed:
            raise BackendUnavailable(f"the queue on {self.name} is closed")
        if os.getpid() != self._process:
            raise BackendUnavailable(
                f"the connection to {self.name} belongs to the parent process; "
                "open the queue by its URL in a forked child"
            )

    def _opened(self) -> Pool:
        self._refuse_unusable()
        pool = self._pool
        if pool is not None:
            return pool
        with self._lock:
            if self._pool is None:
                self._pool = Pool(
                    self._dsn,
                    connection_class=self._class,
                    kwargs={"autocommit": True},
                    min_size=0,
                    max_size=self._size,
                    reconnect_timeout=RECONNECT_SECONDS,
                    num_workers=2,
                    name=POOL,
                )
                self._pool.open()
            return self._pool

    def _take(self, pool: Pool) -> Session:
        deadline = time.monotonic() + BUSY_SECONDS
        while True:
            try:
                connection: Session = pool.getconn(timeout=REFUSED_SECONDS)
            except PoolTimeout:
                why = self._why
                if why is not None:
                    raise translate(self.name, why) from why
                if time.monotonic() >= deadline:
                    raise BackendUnavailable(
                        f"all {self._size} connections to {self.name} were busy for "
                        f"{BUSY_SECONDS:.0f} s: raise pool_size"
                    ) from None
            except PoolClosed:
                raise BackendUnavailable(f"the queue on {self.name} is closed") from None
            else:
                return connection

    def _remembering(self) -> type[Pooled]:
        """Return a class of connections that tells why the last one could not be made."""
        sessions = self

        class Remembering(Pooled):
            @classmethod
            def connect(cls, *args: Any, **options: Any) -> Any:
                with sessions._lock:
                    spare, sessions._spare = sessions._spare, None
                if spare is not None:
                    return spare
                try:
                    connection = super().connect(*args, **options)
                except psycopg.Error as error:
                    sessions._why = error
                    raise
                sessions._why = None
                return connection

        return Remembering


def execute(connection: Session, statement: str, values: Mapping[str, Any] | None = None) -> Any:
    """Run a statement without preparing it; return the cursor, whose rows are tuples."""
    cursor = Cursor(connection, row_factory=tuple_row)
    return cursor.execute(statement.encode(), values, prepare=False)


@contextmanager
def committed(connection: Session) -> Iterator[None]:
    """Leave a caller's connection without a transaction, as it was."""
    try:
        yield
    except BaseException:
        if not connection.closed:
            connection.rollback()
        raise
    connection.commit()


def place(connection: Session) -> str:
    """Return a database's name for messages."""
    info = connection.info
    return f"PostgreSQL {info.host or 'on a socket'}:{info.port}/{info.dbname}"


def home(connection: Session) -> Row:
    """Return what tells a connection's database from every other, until its server restarts."""
    row: Row = execute(connection, HOME).fetchone()
    return row


def _refuse_unfit(connection: Session, name: str) -> None:
    if connection.info.server_version < 10_000 * OLDEST_SERVER:
        raise BackendUnavailable(
            f"{name} is version {connection.info.server_version // 10_000}; "
            f"{OLDEST_SERVER} or later is needed"
        )
    encoding = connection.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        raise BackendUnavailable(
            f"{name} has the encoding {encoding}, which cannot hold every text: "
            "create the queue in a database with encoding UTF8"
        )
    refuse_encoding(connection)


def refuse_encoding(connection: Session) -> None:
    """Raise if a session cannot carry every text."""
    if connection.info.encoding != "utf-8":
        encoding = connection.info.parameter_status("client_encoding")
        raise InvalidOption(
            f"the connection has client_encoding {encoding}, which cannot carry every text: "
            "set it to UTF8"
        )


def _not_ours(record: logging.LogRecord) -> bool:
    """Leave out what is logged of our pools and pipelines: the operations on them raise it."""
    about = record.args if isinstance(record.args, tuple) else ()
    return not any(one == POOL or isinstance(getattr(one, "_conn", one), Pooled) for one in about)


for _name in ("psycopg", "psycopg.pool"):
    logging.getLogger(_name).addFilter(_not_ours)
