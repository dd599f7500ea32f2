"""From a URL's scheme to the SQL that makes its queue's schema, by entry point.

It is for those who change their databases with a tool of their own.  A backend may leave it out.
"""

from __future__ import annotations

from importlib.metadata import EntryPoint
from typing import cast

from gofastr_queue.backends import call, factory_for, only
from gofastr_queue.errors import UnsupportedOperation

GROUP = "gofastr_queue.schemas"
"""Its names are URL schemes; the values, functions ``schema(url, **options)`` that return SQL."""


def text(url: str, **options: object) -> str:
    """Return the SQL that makes the schema of the queue that ``url`` names; nothing is connected.

    Raises ``BackendNotFound`` and ``TypeError`` as opening the queue does, and
    ``UnsupportedOperation`` for a backend that offers no schema.
    """
    return cast(str, call(writer_for(url), url, options))


def writer_for(url: str) -> EntryPoint:
    """Find the entry point that writes the schema of ``url``; nothing is imported."""
    scheme = factory_for(url).name.lower()
    found = only(GROUP, scheme)
    if found is None:
        raise UnsupportedOperation(scheme, "make or print a schema", "schema")
    return found
