"""Whether others on the way to a PostgreSQL server can read along, or stand in for it."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Any

from attrs import frozen
from psycopg import Connection

from gofastr_queue.records import Finding, Level

VERIFYING = frozenset({"verify-ca", "verify-full"})

TO_VERIFY = "set sslmode=verify-full, and sslrootcert= to the authority of its certificate"


@frozen
class Way:
    """A connection's way: ``mode`` is its sslmode, ``gss`` whether GSSAPI encrypts it."""

    host: str
    local: bool
    tls: bool
    gss: bool
    mode: str


def way(connection: Connection[Any], *, gss: bool) -> Way:
    """Say how a connection goes to its server, or to the pooler before it."""
    options = {one.keyword: one.val for one in connection.pgconn.info}
    return Way(
        host=connection.info.host,
        local=is_local(connection.info.host, connection.info.hostaddr),
        tls=bool(connection.pgconn.ssl_in_use),
        gss=gss,
        mode=(options.get(b"sslmode") or b"prefer").decode(),
    )


def is_local(host: str, address: str) -> bool:
    """Tell whether a host is this one: a socket's folder, or a loopback address."""
    if host.startswith(("/", "@")):
        return True
    try:
        return ip_address(address or host).is_loopback
    except ValueError:
        return False


def encryption(way: Way) -> Finding:
    """Judge who may read along: others on this host are no matter of the network."""
    to = f"the connection to {way.host!r}"
    if way.local:
        return Finding("encryption", Level.OK, "the connection stays on this host")
    if way.gss:
        return Finding("encryption", Level.OK, f"{to} is encrypted by GSSAPI")
    if not way.tls:
        open = f"{to} is not encrypted: whoever is in between reads and changes jobs"
        return Finding("encryption", Level.WARNING, open, TO_VERIFY)
    if way.mode in VERIFYING:
        return Finding("encryption", Level.OK, f"{to} is encrypted, and {way.mode} holds")
    if way.mode == "require":
        unknown = f"{to} is encrypted, but require does not ask whose certificate it is"
        return Finding("encryption", Level.NOTE, unknown, TO_VERIFY)
    weak = f"{to} is encrypted, but with sslmode={way.mode} whoever is in between can turn that off"
    return Finding("encryption", Level.WARNING, weak, TO_VERIFY)
