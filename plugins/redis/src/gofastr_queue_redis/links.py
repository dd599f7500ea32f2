"""How commands get to the server: once, whatever the client would do.

A client's own blind repetition would claim twice, and report an enqueue that worked as a
duplicate.  So commands go past it where its connections can be had: straight to a connection.
"""

from __future__ import annotations

import inspect
import os
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Protocol

from gofastr_queue.errors import InvalidOption
from gofastr_queue.limits import shown
from gofastr_queue_redis.errors import NotSentError

REDIRECTIONS = 5
"""How often a command follows a cluster that moves its slots."""

UNLIMITED = 100
"""The driver's own bound of a pool; a URL that says less (``max_connections=``) means it."""

LONGEST = 1.0
"""Seconds that a command may block where no timeout of the client is known."""


class RedisClient(Protocol):
    """What a client must have: one method, safe to call from several threads.

    It sends a command once, returns the server's answer and raises its errors.  A blocking command
    in one thread must not hold up the others.
    """

    def execute_command(self, *args: Any) -> Any:
        """Send a command, of texts as UTF-8 and integers; return its answer, as bytes or text."""
        ...


class Link(Protocol):
    """How a queue calls its server; ``patience`` is for how many seconds a command may block."""

    patience: float

    def call(self, *command: Any) -> Any:
        """Send a command once and return its answer."""
        ...

    def wait(self, *command: Any) -> Any:
        """Send a command that blocks, and hold up no other."""
        ...

    def close(self) -> None:
        """Let go of what is not the client's own."""
        ...


class Plain:
    """Through a client of which only its one method is known."""

    patience = LONGEST

    def __init__(self, client: RedisClient) -> None:
        self._client = client

    def call(self, *command: Any) -> Any:
        return self._client.execute_command(*command)

    wait = call

    def close(self) -> None:
        """Nothing: the client is its owner's."""


class Pooled:
    """Through the connections of a client's pool: redis-py, valkey-py, a master of Sentinel's.

    What blocks has connections of its own, because a pool may be short of them.
    """

    def __init__(self, pool: Any) -> None:
        _refuse_encoding(pool.connection_kwargs.get("encoding"))
        self.pool = pool
        timeout = pool.connection_kwargs.get("socket_timeout")
        self.patience = LONGEST if timeout is None else min(timeout / 2, LONGEST)
        self._arguments = _arguments(pool.get_connection)
        self._idle: list[Any] = []
        self._closed = False

    def call(self, *command: Any) -> Any:
        try:
            connection = self.pool.get_connection(*self._arguments)
        except Exception as error:
            raise NotSentError from error
        try:
            return _exchange(connection, command)
        finally:
            self.pool.release(connection)

    def wait(self, *command: Any) -> Any:
        connection = self._own()
        try:
            return _say(connection, command)
        finally:
            self._idle.append(connection)
            if self._closed:
                self.close()

    def close(self) -> None:
        self._closed = True
        while self._idle:
            with suppress(IndexError):  # another thread was quicker
                self._idle.pop().disconnect()

    def _own(self) -> Any:
        with suppress(IndexError):
            return self._idle.pop()
        return self.pool.connection_class(**self.pool.connection_kwargs)


class Beside(Pooled):
    """Through connections of our own beside a pool of our own, for all commands.

    To take one from the pool and to give it back takes the driver longer than a short command.
    """

    def call(self, *command: Any) -> Any:
        return self.wait(*command)


class Single:
    """Through the only connection of a client, one command at a time."""

    patience = 0.0

    def __init__(self, client: Any) -> None:
        _refuse_encoding(client.connection_pool.connection_kwargs.get("encoding"))
        self.connection = client.connection
        self._lock = getattr(client, "single_connection_lock", None) or threading.Lock()

    def call(self, *command: Any) -> Any:
        with self._lock:
            return _say(self.connection, command)

    wait = call

    def close(self) -> None:
        """Nothing: the connection is its owner's."""


class Clustered:
    """Through the node of a cluster that has the slot of ``key``."""

    def __init__(self, cluster: Any, key: str) -> None:
        self._cluster = cluster
        self._key = key
        self.node = Pooled(self._pool())
        self.patience = self.node.patience

    def call(self, *command: Any) -> Any:
        return self._followed(lambda node: node.call(*command))

    def wait(self, *command: Any) -> Any:
        return self._followed(lambda node: node.wait(*command))

    def close(self) -> None:
        self.node.close()

    def _followed(self, act: Callable[[Pooled], Any]) -> Any:
        """Act at the node that has the slot now; whoever sends us on has done nothing."""
        for left in reversed(range(REDIRECTIONS)):
            try:
                return act(self._at())
            except Exception as error:
                moved = type(error).__name__ == "MovedError"
                if moved or not _is_answer(error):
                    with suppress(Exception):  # what went wrong first tells more
                        self._cluster.nodes_manager.initialize()
                if not (moved and left):
                    raise
        raise AssertionError("the last redirection raises")

    def _at(self) -> Pooled:
        pool, node = self._pool(), self.node
        if node.pool is not pool:
            self.node = Pooled(pool)
            node.close()
        return self.node

    def _pool(self) -> Any:
        try:
            node = self._cluster.get_node_from_key(self._key)
        except Exception as error:
            raise NotSentError from error
        return self._cluster.get_redis_connection(node).connection_pool


def link(client: Any, key: str, *, own: bool = False) -> Link:
    """Return how to call the server of ``client``; ``key`` is one of the queue's.

    Whether the client is the queue's ``own`` counts: of another's, nobody knows what its pool is
    for.
    """
    if not callable(getattr(client, "execute_command", None)):
        raise InvalidOption(
            f"a Redis client has a method execute_command, {shown(client)} has none"
        )
    if _is_asynchronous(client):
        raise InvalidOption(
            f"{type(client).__module__}.{type(client).__name__} is an asynchronous client: "
            "give a synchronous one, also to AsyncQueue, which calls it in threads"
        )
    if hasattr(client, "nodes_manager"):
        return Clustered(client, key)
    if getattr(client, "connection", None) is not None:
        return Single(client)
    pool = getattr(client, "connection_pool", None)
    if pool is None:
        return Plain(client)
    return Beside(pool) if own and pool.max_connections >= UNLIMITED else Pooled(pool)


def unconnected(link: Link) -> Any | None:
    """Return a connection to look at, which may not be connected; None where there is none."""
    if isinstance(link, Clustered):
        link = link.node
    if isinstance(link, Pooled):
        return link.pool.connection_class(**link.pool.connection_kwargs)
    return link.connection if isinstance(link, Single) else None


def _is_asynchronous(client: Any) -> bool:
    return inspect.iscoroutinefunction(client.execute_command) or any(
        ".asyncio" in kind.__module__ for kind in type(client).__mro__
    )


def _refuse_encoding(encoding: str | None) -> None:
    """Refuse a client that would write texts as something else than UTF-8."""
    if encoding is not None and encoding.lower() not in ("utf-8", "utf8"):
        raise InvalidOption(f"the client's encoding is {encoding}: make it with encoding='utf-8'")


def _arguments(get_connection: Callable[..., Any]) -> tuple[str, ...]:
    """Return what a pool is given: redis-py wants nothing, valkey-py some name of a command."""
    given = inspect.signature(get_connection).parameters.values()
    return tuple("_" for one in given if one.default is one.empty and one.kind < one.VAR_POSITIONAL)


def _say(connection: Any, command: tuple[Any, ...]) -> Any:
    """Send a command on a connection of no pool, which may be stale or a parent process's."""
    try:
        _refresh(connection)
    except BaseException as error:
        connection.disconnect()
        if not isinstance(error, Exception):
            raise
        raise NotSentError from error
    return _exchange(connection, command)


def _exchange(connection: Any, command: tuple[Any, ...]) -> Any:
    """Send and receive; drop a connection on which an answer may still be under way."""
    try:
        connection.send_command(*command)
        return connection.read_response(disable_decoding=True)
    except BaseException as error:
        if not _is_answer(error):
            connection.disconnect()
        raise


def _refresh(connection: Any) -> None:
    if connection.pid != os.getpid():
        connection.disconnect()
        connection.pid = os.getpid()
    connection.connect()
    try:
        stale = connection.can_read()
    except Exception:  # noqa: BLE001 - whatever it is, it is of no use
        stale = True
    if stale:
        connection.disconnect()
        connection.connect()


def _is_answer(error: BaseException) -> bool:
    """Tell whether an error is the server's own answer, and so the connection in order."""
    return any(kind.__name__ == "ResponseError" for kind in type(error).__mro__)
