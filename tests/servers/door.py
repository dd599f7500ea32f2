"""A door before a server: what passes may be wrapped in TLS, or changed on its way back."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import threading
from collections.abc import Callable, Iterator

Change = Callable[[bytes], bytes]


@contextlib.contextmanager
def door(
    host: str, port: int, *, context: ssl.SSLContext | None = None, back: Change = bytes
) -> Iterator[int]:
    """Listen on 127.0.0.1 and pass everything on; what comes ``back`` is changed; give the port."""
    loop = asyncio.new_event_loop()
    loop.set_exception_handler(lambda *_: None)  # who does not trust it ends the handshake

    async def visit(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, behind = await asyncio.open_connection(host, port)
        ways = (_pass(reader, behind, bytes), _pass(there, writer, back))
        await asyncio.gather(*ways, return_exceptions=True)

    async def start() -> asyncio.Server:
        return await asyncio.start_server(visit, "127.0.0.1", 0, ssl=context)

    async def stop() -> None:
        server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    server = loop.run_until_complete(start())
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        asyncio.run_coroutine_threadsafe(stop(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, change: Change) -> None:
    try:
        while data := await reader.read(65_536):
            writer.write(change(data))
            await writer.drain()
    finally:
        writer.transport.abort()
