"""What a Redis URL says, and the client that it makes."""

from __future__ import annotations

import logging
import re
from typing import Any
from urllib.parse import SplitResult, parse_qsl, urlencode, urlsplit

import redis
from attrs import frozen
from redis import RedisError
from redis.backoff import NoBackoff
from redis.cluster import RedisCluster
from redis.retry import Retry

from gofastr_queue.errors import InvalidOption
from gofastr_queue.limits import shown
from gofastr_queue_redis.errors import NotSentError

log = logging.getLogger("gofastr_queue.redis")

NAME = "queue_jobs"

OPTIONS = ("name", "cluster")

DRIVER = (
    "client_name",
    "db",
    "decode_responses",
    "health_check_interval",
    "max_connections",
    "password",
    "protocol",
    "socket_connect_timeout",
    "socket_keepalive",
    "socket_read_size",
    "socket_timeout",
    "username",
)
"""The driver's own options that a URL's text can give; each goes to it unchanged."""

TLS = (
    "ssl_ca_certs",
    "ssl_ca_data",
    "ssl_ca_path",
    "ssl_cert_reqs",
    "ssl_certfile",
    "ssl_check_hostname",
    "ssl_ciphers",
    "ssl_keyfile",
    "ssl_min_version",
    "ssl_password",
)
"""The driver's for ``rediss://``."""

NAMES = re.compile(r"[A-Za-z0-9_.:-]{1,64}")

SWITCH = {"on": True, "true": True, "1": True, "off": False, "false": False, "0": False}

TIMEOUT = 10.0
"""Seconds that a connection, or an answer, may take unless the URL says otherwise."""


@frozen(repr=False)
class Address:
    """A server, a queue's name on it, and whether it is a cluster; ``url`` may hold a password."""

    url: str
    name: str
    cluster: bool


def read(url: str, name: str | None, cluster: bool | str | None) -> Address:
    """Read ``redis://user:password@host:port/0?name=…``; what is given goes first.

    Parameters that are no option of ours go to the driver unchanged.
    """
    parts = urlsplit(url)
    given = parse_qsl(parts.query, keep_blank_values=True)
    _refuse_unknown(parts, [option for option, _ in given])
    ours = {option: value for option, value in given if option in OPTIONS}
    rest = [(option, value) for option, value in given if option not in OPTIONS]
    clustered = switch("cluster", ours.get("cluster", False) if cluster is None else cluster)
    _refuse_place(parts, clustered, dict(rest).get("db"))
    return Address(
        parts._replace(query=urlencode(rest)).geturl(),
        queue_name(ours.get("name", NAME) if name is None else name),
        clustered,
    )


def queue_name(name: object) -> str:
    """Check the name of a queue, which becomes part of its keys."""
    if not isinstance(name, str) or not NAMES.fullmatch(name):
        raise InvalidOption(
            f"name {shown(name)} cannot be part of a key: 1 to 64 letters, digits, or any of '_.:-'"
        )
    return name


def switch(field: str, value: object) -> bool:
    """Read what is on or off."""
    if isinstance(value, str):
        value = SWITCH.get(value.lower(), value)
    if not isinstance(value, bool):
        raise InvalidOption(f"{field} must be on or off, got {shown(value)}")
    return value


def client(address: Address) -> Any:
    """Make the client of a URL: it repeats nothing by itself, and certificates are verified."""
    options: dict[str, Any] = {
        "socket_timeout": TIMEOUT,
        "socket_connect_timeout": TIMEOUT,
        "retry": Retry(NoBackoff(), 0),
    }
    if address.url.startswith("rediss:"):
        options["ssl_check_hostname"] = True
    try:
        made = redis.Redis.from_url(address.url, **options)
        pool = made.connection_pool  # which would count what it makes itself
        connection = pool.connection_class(**pool.connection_kwargs)
    except (ValueError, RedisError) as error:
        raise InvalidOption(f"correct this option of the URL: {error}") from None
    _warn_of_strangers(connection)
    if not address.cluster:
        return made
    made.close()
    try:
        return RedisCluster.from_url(address.url, **options)
    except Exception as error:
        raise NotSentError from error


def _refuse_unknown(parts: SplitResult, given: list[str]) -> None:
    scheme = parts.scheme
    for option in given:
        known = option in OPTIONS + DRIVER + TLS
        if not known and "@" in parts.query and "@" not in parts.netloc:
            raise InvalidOption(
                "a parameter of this URL may be a piece of its password: write special characters "
                "before the host percent-encoded, '?' as %3F"
            )
        if option in TLS and scheme != "rediss":
            raise InvalidOption(f"{option}= is for TLS: write rediss:// instead of {scheme}://")
        if not known:
            raise TypeError(
                f"unknown option {shown(option)} for {scheme}://; known: {', '.join(OPTIONS)}, and "
                f"the driver's {', '.join(DRIVER)}; with rediss:// also {', '.join(TLS)}"
            )


def _refuse_place(parts: SplitResult, cluster: bool, db: str | None) -> None:
    """Refuse what the driver would repeat in its error, or pass over."""
    try:
        port = parts.port
    except ValueError:  # its text may repeat the password
        port = 0
    if port == 0:
        raise InvalidOption(
            "the port in a Redis URL is a number from 1 to 65535, and special characters before "
            "the host are written percent-encoded"
        )
    database = parts.path.strip("/")
    if database and not (database.isascii() and database.isdigit()):
        raise InvalidOption(
            "the path of a Redis URL is the number of a database, for instance redis://host/0"
        )
    if cluster and (db or database).strip("0"):
        raise InvalidOption("a cluster has the database 0 only: name no other")


def _warn_of_strangers(connection: Any) -> None:
    """Say it where TLS lets in whoever is in between."""
    if getattr(connection, "check_hostname", True):
        return
    whose = "any certificate" if not connection.cert_reqs else "the certificate of any host"
    log.warning(
        "the Redis URL lets the driver accept %s, so others may read along and answer: leave "
        "ssl_cert_reqs= and ssl_check_hostname= out, and name the authority by ssl_ca_certs=",
        whose,
    )
