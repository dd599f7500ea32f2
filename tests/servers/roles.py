"""Roles of a PostgreSQL server that may log in, and nothing else.

with any_role(address, "s3cr3t") as role:
    psycopg.connect(role.url())
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from attrs import frozen
from psycopg import sql
from tests.servers.postgres import Address


@frozen
class Role:
    """A role, its password and its server."""

    name: str
    password: str
    server: Address

    def url(self, database: str | None = None) -> str:
        """Return the URL of a database as this role."""
        return self.server.url(database, self.name, self.password)

    def be(self, change: str) -> None:
        """Change the role as its owner, for instance ``NOLOGIN``."""
        self._run("ALTER ROLE {} " + change)

    def let(self, right: str) -> None:
        """Grant a right, for instance ``USAGE ON SCHEMA public``."""
        self._run(f"GRANT {right} TO {{}}")

    def forbid(self, right: str) -> None:
        """Revoke a right."""
        self._run(f"REVOKE {right} FROM {{}}")

    def end_sessions(self) -> None:
        """End every connection of this role, and wait until each has ended."""
        with psycopg.connect(self.server.url()) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = %s",
                [self.name],
            )

    def _run(self, statement: str) -> None:
        with psycopg.connect(self.server.url()) as connection:
            connection.execute(statement.format(f'"{self.name}"').encode())


@contextmanager
def any_role(server: Address, password: str) -> Iterator[Role]:
    """Make a role on a server, and drop it with all that it owns."""
    role = Role(f"role_{secrets.token_hex(8)}", password, server)
    name = sql.Identifier(role.name)
    with psycopg.connect(server.url(), autocommit=True) as connection:
        connection.execute(
            sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(name, sql.Literal(password))
        )
        yield role
        connection.execute(sql.SQL("DROP OWNED BY {}").format(name))
        connection.execute(sql.SQL("DROP ROLE {}").format(name))
