"""What a client sees of a pooler of transactions when it connects to PostgreSQL through one."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator

from tests.servers.door import door

KEY = re.compile(rb"K\x00\x00\x00\x0c....", re.DOTALL)
"""BackendKeyData of the protocol, up to the process: what names the session to cancel."""


@contextlib.contextmanager
def pooler(host: str, port: int) -> Iterator[int]:
    """Pass everything on, but name a process of its own, as a pooler does; give the port."""
    with door(host, port, back=_rename) as own:
        yield own


def _rename(data: bytes) -> bytes:
    return KEY.sub(b"K\x00\x00\x00\x0c\x00\x00\x00\x01", data)
