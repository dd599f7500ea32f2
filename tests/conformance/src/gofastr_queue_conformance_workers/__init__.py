"""Scripts that the kit runs in interpreters of their own, as ``python -m`` and their name.

They stand beside the kit, because to import the kit is to import pytest and every case.
"""

from __future__ import annotations

import os

VARIABLE = "GOFASTR_QUEUE_URL"


def environment(url: str) -> dict[str, str]:
    """Return what a process is started with that shall work on a store.

    A command line is seen by every user of the host, and a URL may hold a password.
    """
    return os.environ | {VARIABLE: url}


def url() -> str:
    """Return the URL of the store that this process shall work on."""
    return os.environ[VARIABLE]
