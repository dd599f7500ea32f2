"""The version of what a queue's keys hold."""

from __future__ import annotations

from typing import Any

from gofastr_queue.errors import BackendUnavailable, SchemaTooNew
from gofastr_queue_redis import rows
from gofastr_queue_redis.links import Link
from gofastr_queue_redis.scripts import key

VERSION = 1


def prepare(link: Link, name: str) -> None:
    """Mark a new queue with this version; raise ``SchemaTooNew`` for a later one's queue."""
    marked: Any = link.call("GET", key(name, "layout"))
    if marked is None:
        link.call("SET", key(name, "layout"), VERSION, "NX")
        return
    version = rows.text(marked)
    if not version.isdigit():
        raise BackendUnavailable(
            f"the key {key(name, 'layout')} holds something that is not of a queue: give the queue "
            "another name=, or remove what does not belong there"
        )
    if int(version) > VERSION:
        raise SchemaTooNew(
            f"the queue {name!r} was written by a later version (layout {version}, this one knows "
            f"{VERSION}): upgrade gofastr-queue-redis"
        )
