"""Where a peer's store is: its worker processes, which its own command starts, are told so too."""

from __future__ import annotations

import os
import sys
from urllib.parse import parse_qs, unquote, urlsplit

URL = "BENCH_URL"
"""The environment variable that names the store to workers."""


def url() -> str:
    """Return the URL that this process was started with, or the process that started it."""
    if URL not in os.environ:
        os.environ[URL] = sys.argv[1]
    return os.environ[URL]


def file() -> str:
    """Return the path of the SQLite file that the URL names."""
    return unquote(urlsplit(url()).path[1:])


def synchronous() -> str:
    """Return how durable the URL wants the connections to a SQLite file."""
    return parse_qs(urlsplit(url()).query)["synchronous"][0]
