"""What a PostgreSQL URL says: a DSN for the driver, and our options among its parameters."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote_plus

from attrs import frozen
from psycopg.pq import Conninfo

from gofastr_queue import limits
from gofastr_queue.errors import InvalidOption

OPTIONS = ("table", "schema", "listen", "pool_size")

SWITCH = {"on": True, "true": True, "1": True, "off": False, "false": False, "0": False}

POOL_SIZE = 8

MEANT = (
    "write postgresql://user:password@host:port/db with %40 for '@', %2F for '/' and %3A for ':' "
    "inside a password, or key=value pairs"
)

SCHEMES = ("postgresql", "postgres")

HOST = re.compile(r"[\w.-]*|[0-9a-fA-F:.]+(%[\w.-]+)?|@?/.*")
"""A name or address, or the folder of a socket."""

PARTS = {
    "host": re.compile(rf"({HOST.pattern})(,({HOST.pattern}))*"),
    "hostaddr": re.compile(r"[0-9a-fA-F:.%\w,-]*"),
    "port": re.compile(r"[0-9, ]*"),
    "user": re.compile(r"[^:]*"),
    "dbname": re.compile(r"((?!://)[^=])*"),
}
"""What parts of a DSN look like, unless they hold a piece of a password."""


@frozen(repr=False)
class Place:
    """Where a queue is; ``dsn`` may hold a password."""

    dsn: str
    table: str
    schema: str
    listen: bool | str
    pool_size: int


def read(
    url: str,
    table: str | None,
    schema: str | None,
    listen: bool | str | None,
    pool_size: int | None,
) -> Place:
    """Read ``postgresql://user:password@host:port/db?table=…``; what is given goes first.

    Parameters that are no option of ours go to the driver unchanged.
    """
    address, _, query = url.partition("?")
    ours: dict[str, str] = {}
    rest: list[str] = []
    for part in query.split("&") if query else []:
        name, _, value = part.partition("=")
        if unquote_plus(name) in OPTIONS:
            ours[unquote_plus(name)] = unquote_plus(value)
        else:
            _refuse_unknown(unquote_plus(name), misread="@" in query and "@" not in address)
            rest.append(part)
    size: object = pool_size
    if pool_size is None:
        size = _number(ours["pool_size"]) if "pool_size" in ours else POOL_SIZE
    return Place(
        dsn=address + ("?" + "&".join(rest) if rest else ""),
        table=ours.get("table", "queue_jobs") if table is None else table,
        schema=ours.get("schema", "public") if schema is None else schema,
        listen=switch(ours.get("listen", "on") if listen is None else listen),
        pool_size=limits.count("pool_size", size),
    )


def switch(listen: bool | str) -> bool | str:
    """Read ``listen``: on, off, or the DSN of a connection that goes past a pooler."""
    if isinstance(listen, bool):
        return listen
    if not isinstance(listen, str):
        raise InvalidOption(f"listen must be on, off or a DSN, got {limits.shown(listen)}")
    if listen.lower() in SWITCH:
        return SWITCH[listen.lower()]
    if "=" not in listen and "://" not in listen:
        named = f", got {limits.shown(listen)}" if listen.isalnum() else ""
        raise InvalidOption(f"listen must be on, off, or the DSN of a connection for LISTEN{named}")
    return listen


def refuse_misread(dsn: str, parts: Mapping[str, Any]) -> None:
    """Refuse a DSN whose ``parts`` may be a piece of a password: the driver would repeat it."""
    for name, form in PARTS.items():
        if not form.fullmatch(str(parts.get(name) or "")):
            raise InvalidOption(f"the {name} of this DSN may be a piece of its password: {MEANT}")
    address = dsn.partition("?")[0].partition("://")
    if address[0] in SCHEMES and "@" in address[2].partition("/")[2]:
        raise InvalidOption(f"this DSN has an '@' after its host: {MEANT}")


def _number(text: str) -> int | str:
    """Return the number that a URL says; what is none is refused by its text."""
    return int(text) if re.fullmatch("[0-9]{1,9}", text) else text


def _refuse_unknown(name: str, *, misread: bool) -> None:
    known = {option.keyword.decode() for option in Conninfo.get_defaults()} | {"ssl"}
    if name not in known and misread:
        raise InvalidOption(f"a parameter of this URL may be a piece of its password: {MEANT}")
    if name not in known:
        raise TypeError(
            f"unknown option {limits.shown(name)} for postgresql://; known: {', '.join(OPTIONS)}, "
            "and the driver's own, for instance sslmode"
        )
