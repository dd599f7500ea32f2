"""The version of what a queue's keys hold."""

from __future__ import annotations

from gofastr_queue.errors import BackendUnavailable, SchemaTooNew
from gofastr_queue_redis import rows
from gofastr_queue_redis.links import Link
from gofastr_queue_redis.scripts import key

VERSION = 1

MARK = """
local marked = redis.call('GET', KEYS[1])
if not marked then
  redis.call('SET', KEYS[1], ARGV[1])
end
return marked or ARGV[1]
"""
"""A script also because a client may answer a plain GET from a cache of its own."""


def prepare(link: Link, name: str) -> None:
    """Mark a new queue with this version; raise ``SchemaTooNew`` for a later one's queue."""
    version = rows.text(link.call("EVAL", MARK, 1, key(name, "layout"), VERSION))
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
