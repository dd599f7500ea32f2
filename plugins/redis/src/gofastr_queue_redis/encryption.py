"""Whether others on the way to a server can read along, or stand in for it."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Any

from attrs import frozen

from gofastr_queue.records import Finding, Level

TO_TLS = "let the server speak TLS and write rediss://, or use a tunnel"

TO_VERIFY = (
    "leave ssl_cert_reqs= and ssl_check_hostname= out, and name the authority by ssl_ca_certs="
)


@frozen
class Way:
    """How a connection goes to its server; ``verified`` is whether it asks who is there."""

    host: str
    local: bool
    tls: bool
    verified: bool


def way(connection: Any) -> Way | None:
    """Say how a connection of redis-py or valkey-py goes; None where it does not know yet."""
    if any(kind.__name__.startswith("SentinelManaged") for kind in type(connection).__mro__):
        return None
    if hasattr(connection, "path"):
        return Way(str(connection.path), local=True, tls=False, verified=False)
    host = getattr(connection, "host", None)
    if not isinstance(host, str):
        return None
    return Way(
        host,
        local=is_local(host),
        tls=hasattr(connection, "cert_reqs"),
        verified=bool(getattr(connection, "check_hostname", False))
        and bool(getattr(connection, "cert_reqs", 0)),
    )


def is_local(host: str) -> bool:
    """Tell whether a host is this one."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def encryption(way: Way) -> Finding:
    """Judge who may read along: others on this host are no matter of the network."""
    to = f"the connection to {way.host!r}"
    if way.local:
        return Finding("encryption", Level.OK, "the connection stays on this host")
    if not way.tls:
        open = f"{to} is not encrypted: whoever is in between reads the password and the jobs"
        return Finding("encryption", Level.WARNING, open, TO_TLS)
    if not way.verified:
        unknown = f"{to} is encrypted, but the certificate or its host is not verified"
        return Finding("encryption", Level.WARNING, unknown, TO_VERIFY)
    return Finding("encryption", Level.OK, f"{to} is encrypted, and its certificate verified")
