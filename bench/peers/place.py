"""Where a peer's store is: its worker processes, which its own command starts, are told so too."""

from __future__ import annotations

import os
import sys
from urllib.parse import parse_qs, unquote, urlsplit

URL = "BENCH_URL"
"""The environment variable that names the store to workers."""


def url() -> str:
    """Return the URL that this process was started with, or what started it."""
    return os.environ.get(URL) or sys.argv[1]


def file() -> str:
    """Return the path of the SQLite file that the URL names."""
    return unquote(urlsplit(url()).path[1:])


def synchronous() -> str:
    """Return how durable the URL wants the connections to a SQLite file."""
    return parse_qs(urlsplit(url()).query)["synchronous"][0]
