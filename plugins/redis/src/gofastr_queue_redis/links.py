"""How commands get to the server: once, whatever the client would do.

A client's own blind repetition would claim twice, and report an enqueue that worked as a
duplicate.  So commands go past it where its connections can be had: straight to a connection.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from gofastr_queue.errors import InvalidOption
from gofastr_queue.limits import shown

REDIRECTIONS = 5
"""How often a command follows a cluster that moves its slots."""


class RedisClient(Protocol):
    """What a client must have: one method, safe to call from several threads.

    It sends a command once, returns the server's answer and raises its errors.  A blocking command
    in one thread must not hold up the others.
    """

    def execute_command(self, *args: Any) -> Any:
        """Send a command and return its answer, as bytes or text."""
        ...


LONGEST = 1.0
"""Seconds that a command may block where no timeout of the client is known."""


class Link(Protocol):
    """How a queue calls its server; ``patience`` is for how many seconds a command may block."""

    patience: float

    def call(self, *command: Any) -> Any:
        """Send a command once and return its answer."""
        ...


class Plain:
    """Through a client of which only its one method is known."""

    patience = LONGEST

    def __init__(self, client: RedisClient) -> None:
        self._client = client

    def call(self, *command: Any) -> Any:
        return self._client.execute_command(*command)


class Pooled:
    """Through the connections of a client's pool: redis-py, valkey-py, a master of Sentinel's."""

    def __init__(self, pool: Any) -> None:
        self._pool = pool
        timeout = pool.connection_kwargs.get("socket_timeout")
        self.patience = LONGEST if timeout is None else min(timeout / 2, LONGEST)

    def call(self, *command: Any) -> Any:
        with _connection(self._pool) as connection:
            connection.send_command(*command)
            return connection.read_response(disable_decoding=True)


class Single:
    """Through the only connection of a client, one command at a time."""

    patience = 0.0

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._lock = threading.Lock()

    def call(self, *command: Any) -> Any:
        with self._lock, _dropped_if_unsure(self._connection):
            self._connection.send_command(*command)
            return self._connection.read_response(disable_decoding=True)


class Clustered:
    """Through the node of a cluster that has the slot of ``key``."""

    def __init__(self, cluster: Any, key: str) -> None:
        self._cluster = cluster
        self._key = key
        self.patience = self._pooled().patience

    def call(self, *command: Any) -> Any:
        for left in reversed(range(REDIRECTIONS)):
            try:
                return self._pooled().call(*command)
            except Exception as error:
                if not left or type(error).__name__ not in ("MovedError", "AskError"):
                    if isinstance(error, OSError) or "Connection" in type(error).__name__:
                        self._cluster.nodes_manager.initialize()
                    raise
            self._cluster.nodes_manager.initialize()
        raise AssertionError("the last redirection raises")

    def _pooled(self) -> Pooled:
        node = self._cluster.get_node_from_key(self._key)
        return Pooled(self._cluster.get_redis_connection(node).connection_pool)


def link(client: Any, key: str) -> Link:
    """Return how to call the server of ``client``; ``key`` is one of the queue's."""
    if not callable(getattr(client, "execute_command", None)):
        raise InvalidOption(
            f"a Redis client has a method execute_command, {shown(client)} has none"
        )
    if ".asyncio" in type(client).__module__:
        raise InvalidOption(
            f"{type(client).__module__}.{type(client).__name__} is an asynchronous client: "
            "give a synchronous one, also to AsyncQueue, which calls it in threads"
        )
    if hasattr(client, "nodes_manager"):
        return Clustered(client, key)
    if getattr(client, "connection", None) is not None:
        return Single(client.connection)
    pool = getattr(client, "connection_pool", None)
    return Plain(client) if pool is None else Pooled(pool)


@contextmanager
def _connection(pool: Any) -> Iterator[Any]:
    connection = pool.get_connection()
    try:
        with _dropped_if_unsure(connection):
            yield connection
    finally:
        pool.release(connection)


@contextmanager
def _dropped_if_unsure(connection: Any) -> Iterator[None]:
    """Drop a connection on which an answer may still be under way."""
    try:
        yield
    except BaseException as error:
        if not _is_answer(error):
            connection.disconnect()
        raise


def _is_answer(error: BaseException) -> bool:
    """Tell whether an error is the server's own answer, and so the connection in order."""
    return any(kind.__name__ == "ResponseError" for kind in type(error).__mro__)
