"""What a Redis URL says, and the client that it makes."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import redis
from attrs import frozen
from redis.backoff import NoBackoff
from redis.cluster import RedisCluster
from redis.retry import Retry

from gofastr_queue.errors import InvalidOption
from gofastr_queue.limits import shown

NAME = "queue_jobs"

OPTIONS = ("name", "cluster")

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
    ours = {key: value for key, value in given if key in OPTIONS}
    rest = [(key, value) for key, value in given if key not in OPTIONS]
    return Address(
        parts._replace(query=urlencode(rest)).geturl(),
        queue_name(ours.get("name", NAME) if name is None else name),
        switch("cluster", ours.get("cluster", False) if cluster is None else cluster),
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
    if address.cluster:
        return RedisCluster.from_url(address.url, **options)
    made = redis.Redis.from_url(address.url, **options)
    _refuse_unknown(made)
    return made


def _refuse_unknown(made: redis.Redis) -> None:
    """Refuse a parameter that the driver does not know before anything is sent."""
    try:
        made.connection_pool.make_connection()
    except TypeError as error:
        unknown = re.search(r"argument '(\w+)'", str(error))
        if unknown is None:
            raise
        raise TypeError(
            f"unknown option {unknown[1]!r} for redis://; known: {', '.join(OPTIONS)}, and the "
            "driver's own, for instance socket_timeout"
        ) from None
