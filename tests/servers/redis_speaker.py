"""A client of the least kind: the one method that ``RedisClient`` asks for, over plain sockets."""

from __future__ import annotations

import socket
import threading
from typing import Any
from urllib.parse import unquote, urlsplit


class Speaker:
    """Speaks RESP 2, each thread over a connection of its own."""

    def __init__(self, url: str, *, decode: bool) -> None:
        self._parts = urlsplit(url)
        self._decode = decode
        self._own = threading.local()
        self._open: list[socket.socket] = []

    def execute_command(self, *args: Any) -> Any:
        if not hasattr(self._own, "file"):
            self._own.file = self._connect()
        self._send(self._own.file, args)
        return self._read(self._own.file)

    def close(self) -> None:
        for one in self._open:
            one.close()

    def _connect(self) -> Any:
        connection = socket.create_connection((self._parts.hostname, self._parts.port))
        self._open.append(connection)
        file = connection.makefile("rwb")
        self._send(file, ("AUTH", unquote(self._parts.password or "")))
        self._read(file)
        return file

    def _send(self, file: Any, args: tuple[Any, ...]) -> None:
        words = [str(one).encode() for one in args]
        file.write(b"*%d\r\n" % len(words))
        file.writelines(b"$%d\r\n%b\r\n" % (len(word), word) for word in words)
        file.flush()

    def _read(self, file: Any) -> Any:
        line = file.readline()
        kind, rest = line[:1], line[1:-2]
        if kind == b"-":
            raise RuntimeError(rest.decode())
        if kind == b":":
            return int(rest)
        if kind == b"*":
            return None if rest == b"-1" else [self._read(file) for _ in range(int(rest))]
        if kind == b"$":
            rest = None if rest == b"-1" else file.read(int(rest) + 2)[:-2]
        elif kind != b"+":
            raise ConnectionError("the server has ended the connection")
        return rest.decode() if self._decode and rest is not None else rest
