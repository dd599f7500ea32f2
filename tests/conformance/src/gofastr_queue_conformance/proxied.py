"""One connection through the proxy, and what may befall it."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum, auto
from random import Random

CHUNK = 65_536

SETTLE = 0.02
"""Seconds without a byte that end a reply."""

PATIENCE = 5.0
"""Seconds that a server has to end its side of a connection."""

AT_ONCE = struct.pack("ii", 1, 0)
"""SO_LINGER for no time: closing resets."""


class Side(Enum):
    """Who sent a byte."""

    CLIENT = auto()
    SERVER = auto()


@dataclass
class Counters:
    """What happened, over all connections.

    Bytes are those that were passed on.  Replies are all that began, also those that were dropped.
    """

    accepted: int = 0
    from_client: int = 0
    from_server: int = 0
    replies: int = 0
    replies_dropped: int = 0
    cut: int = 0


class Door(Enum):
    """What becomes of every new connection."""

    SHUT = auto()
    SILENT = auto()


@dataclass
class Cut:
    """Befalls one connection, once."""

    count: int
    of: Side | None
    reset: bool
    done: bool = False


@dataclass
class Loss:
    """Befalls replies, each with a chance."""

    chance: float
    random: Random
    once: bool = False
    done: bool = False

    def strikes(self) -> bool:
        """Tell whether the next reply is lost."""
        hit = not self.done and self.random.random() < self.chance
        self.done = self.done or (hit and self.once)
        return hit


@dataclass
class Network:
    """What all connections share.  A fault is replaced as a whole, so that any thread may do it."""

    fault: Door | Cut | Loss | None = None
    counters: Counters = field(default_factory=Counters)


class Connection:
    """A client's connection, and the one to the server that belongs to it.

    Once it is silent nothing is passed on any more.  ``broken`` says that closing it resets.
    """

    def __init__(self, client: socket.socket, network: Network) -> None:
        self.broken = False
        self._silent = network.fault is Door.SILENT
        self._network = network
        self._client = client
        self._server = socket.socket()
        for one in (self._client, self._server):
            one.setblocking(False)
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._tasks = asyncio.TaskGroup()
        self._answering: asyncio.Task[None] | None = None
        self._asked = False
        self._losing = False
        self._moved = 0.0
        self._counted: Cut | None = None
        self._carried = 0

    async def run(self, target: tuple[str, int]) -> None:
        """Pass bytes until both sides have ended, or something breaks."""
        try:
            async with self._tasks:
                if not self._silent:
                    await asyncio.get_running_loop().sock_connect(self._server, target)
                    self._answering = self._tasks.create_task(self._answer())
                await self._pass(Side.CLIENT, self._client, self._server)
                if self._silent and self._answering:
                    self._answering.cancel()
        except* OSError:
            self.broken = True

    def silence(self, *, vanish: bool) -> None:
        """Pass nothing on any more; with ``vanish`` the server sees an end."""
        self._silent = True
        if vanish:
            with contextlib.suppress(OSError):  # not connected yet, or no longer
                self._server.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close both sides."""
        for one in (self._client, self._server):
            if self.broken:
                one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
            one.close()

    async def _answer(self) -> None:
        with self._untold():
            await self._pass(Side.SERVER, self._server, self._client)

    async def _pass(self, side: Side, source: socket.socket, sink: socket.socket) -> None:
        """Pass on what one side sends, and its end."""
        while data := await asyncio.get_running_loop().sock_recv(source, CHUNK):
            if not self._silent:
                with self._untold():
                    await self._carry(side, data, sink)
        if not (self._silent or self._losing):
            sink.shutdown(socket.SHUT_WR)

    @contextlib.contextmanager
    def _untold(self) -> Iterator[None]:
        """Once silent, do not let the client see what becomes of the server's side."""
        try:
            yield
        except OSError:
            if not self._silent:
                raise

    async def _carry(self, side: Side, data: bytes, sink: socket.socket) -> None:
        """Pass data on, unless something befalls it."""
        fault = self._network.fault
        self._moved = asyncio.get_running_loop().time()
        if side is Side.SERVER and (self._losing or (self._asked and self._loses_reply(fault))):
            return
        self._asked = side is Side.CLIENT
        if isinstance(fault, Cut) and self._reaches(fault, side, len(data)):
            await self._cut(fault, side, data, sink)
        else:
            await self._send(side, data, sink)

    async def _send(self, side: Side, data: bytes, sink: socket.socket) -> None:
        """Send, counting first: whoever has received a byte finds it counted."""
        if side is Side.CLIENT:
            self._network.counters.from_client += len(data)
        else:
            self._network.counters.from_server += len(data)
        await asyncio.get_running_loop().sock_sendall(sink, data)

    def _loses_reply(self, fault: object) -> bool:
        """Count a reply that begins, and tell whether it is lost."""
        self._network.counters.replies += 1
        if not (isinstance(fault, Loss) and fault.strikes()):
            return False
        self._losing = True
        self._network.counters.replies_dropped += 1
        self._tasks.create_task(self._end(reset=True, settle=SETTLE))
        return True

    def _reaches(self, cut: Cut, side: Side, size: int) -> bool:
        """Count bytes that come, and tell whether the cut is behind one of them."""
        if cut.done or cut.of not in (None, side):
            return False
        if cut is not self._counted:
            self._counted, self._carried = cut, 0
        self._carried += size
        return self._carried >= cut.count

    async def _cut(self, cut: Cut, side: Side, data: bytes, sink: socket.socket) -> None:
        """Pass on what comes before the cut, and end."""
        cut.done = self._silent = True
        self._network.counters.cut += 1
        with contextlib.suppress(OSError):  # who should have it is gone already
            await self._send(side, data[: len(data) - self._carried + cut.count], sink)
        self._tasks.create_task(self._end(reset=cut.reset))

    async def _end(self, *, reset: bool, settle: float = 0.0) -> None:
        """End the server's side once nothing has moved for ``settle``, then the client's."""
        time = asyncio.get_running_loop().time
        while time() < self._moved + settle:  # noqa: ASYNC110 - no event tells of silence
            await asyncio.sleep(self._moved + settle - time())
        self._silent = True
        with contextlib.suppress(OSError):  # ended by the server itself
            self._server.shutdown(socket.SHUT_WR)
        if self._answering:
            await asyncio.wait({self._answering}, timeout=PATIENCE)
        if reset:
            raise ConnectionResetError
        self._client.shutdown(socket.SHUT_WR)
