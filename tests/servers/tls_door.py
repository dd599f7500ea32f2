"""TLS before a server that speaks none, with a certificate that nobody else has signed."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import ssl
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

CERTIFICATE = (
    "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -noenc -days 2 "
    "-subj /CN=test -keyout key.pem -out cert.pem"
)


def certificate(folder: Path, names: str) -> Path | None:
    """Make ``cert.pem`` and ``key.pem`` for names as ``DNS:localhost``; None without openssl."""
    program = shutil.which("openssl")
    if program is None:
        return None
    command = [program, *CERTIFICATE.split(), "-addext", f"subjectAltName={names}"]
    subprocess.run(command, check=True, capture_output=True, cwd=folder)
    return folder / "cert.pem"


@contextlib.contextmanager
def tls_door(certificate: Path, port: int) -> Iterator[int]:
    """Listen on 127.0.0.1 with TLS, and pass everything on to a port there; give the own port."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, certificate.with_name("key.pem"))
    loop = asyncio.new_event_loop()
    loop.set_exception_handler(lambda *_: None)  # who does not trust it ends the handshake

    async def visit(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(_pass(reader, back), _pass(there, writer), return_exceptions=True)

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


async def _pass(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    try:
        while data := await source.read(65_536):
            sink.write(data)
            await sink.drain()
    finally:
        sink.transport.abort()
