"""A TCP proxy that cuts, swallows and loses what passes: a network on a bad day, for tests.

It knows nothing of what it carries.  It runs in a thread of its own, so tests may be synchronous,
and any thread may change the fault while bytes pass.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Coroutine
from dataclasses import replace
from functools import partial
from random import Random
from typing import Any, Self

from gofastr_queue_conformance.proxied import Connection, Counters, Cut, Door, Loss, Network, Side


class Proxy:
    """Listens on a free port of 127.0.0.1 and passes everything on to ``host`` and ``port``.

    There is one fault at a time: each replaces the one before, and ``heal`` ends it.  Where a
    fault cuts a connection or loses a reply, the server's side is ended first, in order, and read
    until the server has ended it, too.  So once the client is told, nothing of its connection is
    still at work in the server.
    """

    def __init__(self, host: str, port: int) -> None:
        self._target = (socket.gethostbyname(host), port)
        self._network = Network()
        self._connections: dict[Connection, asyncio.Task[None]] = {}
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.setblocking(False)
        self.address: tuple[str, int] = self._listener.getsockname()
        self._loop = asyncio.new_event_loop()
        self._accepting = self._loop.create_task(self._accept())
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def counters(self) -> Counters:
        """A copy of what was counted so far."""
        return replace(self._network.counters)

    def heal(self) -> None:
        """Pass everything, as at the start; what a black hole swallowed stays dead."""
        self._network.fault = None

    def cut_after(self, count: int, of: Side | None = None, *, reset: bool = True) -> None:
        """Cut the first connection that carries ``count`` more bytes, right behind them; then heal.

        Each connection counts for itself and from now on: the bytes ``of`` one side, or of both
        together.  The client sees a reset, which may take from it what it has not received yet, or
        else an orderly close.
        """
        self._network.fault = Cut(count, of, reset=reset)

    def drop_next_reply(self) -> None:
        """Lose one reply as ``drop_replies`` does; then heal."""
        self._network.fault = Loss(1.0, Random(0), once=True)  # noqa: S311 - no secret

    def drop_replies(self, chance: float, seed: int) -> None:
        """Let the server do what it is asked, and lose each reply with this chance.

        A reply is whatever a server sends after it was sent something, up to a pause.  All of it is
        swallowed; then the client's connection is reset.
        """
        self._network.fault = Loss(chance, Random(seed))  # noqa: S311 - no secret

    def black_hole(self) -> None:
        """Read and discard what comes, both ways, over old connections and new ones.

        Nobody is told, and nobody is answered.  These connections stay dead when healed; each ends
        when its client closes it.
        """
        self._network.fault = Door.SILENT
        self._do(self._silence(vanish=False))

    def vanish(self) -> None:
        """Heal, but leave every connection there is half open: the server's side ends.

        The client is not told, and what it sends is discarded.
        """
        self._network.fault = None
        self._do(self._silence(vanish=True))

    def refuse(self) -> None:
        """Reset each new connection at once; those there are go on."""
        self._network.fault = Door.SHUT

    def cut(self) -> None:
        """Reset every connection there is, on both sides, now; the fault stays what it is."""
        self._do(self._reset())

    def close(self) -> None:
        """Reset every connection and let go of everything; repeatable."""
        if self._loop.is_closed():
            return
        self._do(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _do(self, step: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(step, self._loop).result()

    async def _accept(self) -> None:
        while True:
            client, _ = await self._loop.sock_accept(self._listener)
            self._network.counters.accepted += 1
            connection = Connection(client, self._network)
            if self._network.fault is Door.SHUT:
                connection.broken = True
                connection.close()
                continue
            task = self._loop.create_task(connection.run(self._target))
            self._connections[connection] = task
            task.add_done_callback(partial(self._let_go, connection))

    def _let_go(self, connection: Connection, _: asyncio.Task[None]) -> None:
        """Close a connection whose task is over, or was cancelled before it began."""
        del self._connections[connection]
        connection.close()

    async def _silence(self, *, vanish: bool) -> None:
        for connection in self._connections:
            connection.silence(vanish=vanish)

    async def _reset(self) -> None:
        tasks = list(self._connections.values())
        self._network.counters.cut += len(tasks)
        for connection, task in self._connections.items():
            connection.broken = True
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _stop(self) -> None:
        self._accepting.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._accepting
        self._listener.close()
        await self._reset()
