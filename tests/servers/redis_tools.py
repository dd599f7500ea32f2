"""What a test does to a running Redis server, and what it asks of it.

with script_flushing(server), slowlog(server) as slow:
    ...
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from attrs import frozen
from redis import ConnectionError as NoConnectionError
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from tests.servers.redis import Address, Server

EVERYTHING = -1


@contextmanager
def connected(server: Server | Address) -> Iterator[Redis]:
    """Connect as the server's owner, and try nothing twice."""
    once = Retry(NoBackoff(), 0)
    with Redis.from_url(server.url(), decode_responses=True, retry=once) as client:
        yield client


def acl_user(server: Server | Address, name: str, password: str, *rules: str) -> str:
    """Make a user who may do what ``rules`` say and no more; return its URL.

    The user is gone after a restart.
    """
    with connected(server) as client:
        setuser: Any = client.execute_command
        setuser("ACL SETUSER", name, "reset", "on", f">{password}", *rules)
    return server.url(user=name, password=password)


@contextmanager
def script_flushing(server: Server | Address, every: float = 0.1) -> Iterator[None]:
    """Make the server forget its scripts again and again, and also after each of its restarts."""
    ended = threading.Event()

    def flush() -> None:
        with connected(server) as client:
            while not ended.wait(every):
                with suppress(NoConnectionError):
                    client.script_flush()

    thread = threading.Thread(target=flush, name="script-flushing")
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


@frozen
class Slow:
    """A command that the server ran, and how long it took."""

    command: str
    microseconds: int


@contextmanager
def slowlog(
    server: Server | Address, microseconds: int = 0, entries: int = 100_000
) -> Iterator[Callable[[], list[Slow]]]:
    """Log from now on what takes at least so long; what is given reads it, the oldest first.

    The commands of a script are there too, each before its EVAL.
    """
    wanted = {"slowlog-log-slower-than": microseconds, "slowlog-max-len": entries}
    with connected(server) as client:
        before: Any = client.config_get("slowlog-*")

        def read() -> list[Slow]:
            said = [
                Slow(entry["command"].split()[0].decode().upper(), entry["duration"])
                for entry in reversed(client.slowlog_get(EVERYTHING))
            ]
            return [slow for slow in said if slow.command not in {"CONFIG", "SLOWLOG"}]

        for name, value in wanted.items():
            client.config_set(name, value)
        client.slowlog_reset()
        try:
            yield read
        finally:
            for name, own in before.items():
                client.config_set(name, own)
