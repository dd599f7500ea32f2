"""The schema of a queue in PostgreSQL: made on open or printed, migrated from version to version.

Migrations are numbered files, run once each and in order, under a lock that ends with their
transaction.  A queue's version stands in a table of ours beside it.
"""

from __future__ import annotations

from importlib import resources
from types import SimpleNamespace
from typing import Self

from attrs import frozen
from psycopg import errors

from gofastr_queue import failpoints, limits
from gofastr_queue.errors import BackendUnavailable, InvalidOption, SchemaTooNew
from gofastr_queue_sql import postgres_url, statements
from gofastr_queue_sql.postgres_connection import Session, Sessions, execute
from gofastr_queue_sql.postgres_errors import first_line

between_statements = failpoints.point("migrate.between_statements")


@frozen
class Schema:
    """The statements that set up one queue, and the migrations that lead to its latest version."""

    name: str
    sql: SimpleNamespace
    migrations: tuple[str, ...]

    @classmethod
    def of(cls, schema: str, table: str) -> Self:
        """Return the schema of a queue, whose names were checked."""
        if schema.startswith("pg_") or schema == "information_schema":
            raise InvalidOption(
                f"schema {schema!r} is the server's own: give another schema= for the queue"
            )
        texts = migration_texts()
        names = {
            "schema": schema,
            "name": table,
            "versions": f'"{schema}".gofastr_queue_schema',
            "latest": str(len(texts)),
        }

        def quoted(suffix: str) -> str:
            return f'"{schema}"."{table}{suffix}"'

        return cls(
            f"{schema}.{table}",
            statements.load("postgres_setup_sql", quoted, **names),
            tuple(statements.filled(text, quoted, names) for text in texts),
        )

    @property
    def latest(self) -> int:
        """The version that this installation makes and uses."""
        return len(self.migrations)

    def text(self) -> str:
        """Return the SQL of a new queue."""
        grants = "\n".join(f"-- {line}" for line in f"{self.sql.grants};".splitlines())
        title = f"-- the queue {self.name}, schema version {self.latest}"
        return "\n\n".join(
            (
                f"{title}: run all in one transaction",
                f"{self.sql.namespace};",
                f"{self.sql.versions};",
                *(migration.strip() for migration in self.migrations),
                f"{self.sql.record};",
                "-- what a role needs that only works with the queue:\n" + grants + "\n",
            )
        )

    def version(self, connection: Session) -> int:
        """Return the version of the stored queue, 0 if it is not there."""
        _, versions, table = execute(connection, self.sql.present).fetchone()
        if not versions or not table:
            return 0
        row = execute(connection, self.sql.version).fetchone()
        return int(row[0]) if row else 0

    def migrate(self, connection: Session) -> None:
        """Make or upgrade the queue, unless another process has done so meanwhile."""
        with connection.transaction():
            execute(connection, self.sql.fresh)
            execute(connection, self.sql.lock)
            self._migrate(connection)

    def _migrate(self, connection: Session) -> None:
        version = self.version(connection)
        if version >= self.latest:
            return
        if not version:
            namespace, _, table = execute(connection, self.sql.present).fetchone()
            if table:
                raise BackendUnavailable(
                    f"there is a table, view or the like {self.name} that is not a queue: "
                    "give another table="
                )
            if not namespace:
                execute(connection, self.sql.namespace)
            execute(connection, self.sql.versions)
        for migration in self.migrations[version:]:
            execute(connection, migration)
            between_statements()
        execute(connection, self.sql.record)


def migration_texts() -> list[str]:
    """Return the migrations' files in order; the first makes version 1."""
    folder = resources.files(__package__).joinpath("postgres_migrations")
    files = sorted(folder.iterdir(), key=lambda file: file.name)
    return [file.read_text("utf-8") for file in files if file.name.endswith(".sql")]


def prepare(sessions: Sessions, schema: Schema) -> None:
    """Make or upgrade the queue's table unless it is there; refuse one of a later version.

    Raises ``SchemaTooNew``, and ``BackendUnavailable`` for a table of that name that is not ours
    or a role that may not do what is missing.
    """
    with sessions.session() as connection:
        version = schema.version(connection)
    if version == schema.latest:
        return
    if version > schema.latest:
        raise SchemaTooNew(
            f"table {schema.name} has schema version {version}, this installation knows "
            f"{schema.latest}; upgrade gofastr-queue-sql"
        )
    try:
        sessions.run(schema.migrate)
    except BackendUnavailable as error:
        if not isinstance(error.__cause__, errors.InsufficientPrivilege):
            raise
        raise BackendUnavailable(
            f"{sessions.name} has no queue {schema.name} of version {schema.latest}, and this role "
            "may not make it: let its owner run 'gofastr-queue schema', or what 'gofastr-queue "
            f"schema --print' prints; the server said: {first_line(error.__cause__)}"
        ) from error.__cause__


def text(
    url: str,
    *,
    table: str | None = None,
    schema: str | None = None,
    listen: bool | str | None = None,
    pool_size: int | None = None,
) -> str:
    """Return the SQL of a new queue's schema as ``prepare`` makes it; nothing is connected to."""
    place = postgres_url.read(url, table, schema, listen, pool_size)
    limits.identifier("schema", place.schema)
    limits.identifier("table", place.table)
    return Schema.of(place.schema, place.table).text()
