"""TLS before a server that speaks none, with a certificate that nobody else has signed."""

from __future__ import annotations

import contextlib
import shutil
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.servers.door import door

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
    with door("127.0.0.1", port, context=context) as own:
        yield own
