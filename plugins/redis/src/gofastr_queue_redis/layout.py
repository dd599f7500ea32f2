"""The version of what a queue's keys hold."""

from __future__ import annotations

from gofastr_queue.errors import SchemaTooNew
from gofastr_queue_redis import rows
from gofastr_queue_redis.errors import foreign
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
    mark = key(name, "layout")
    try:
        version = rows.text(link.call("EVAL", MARK, 1, mark, VERSION))
    except Exception as error:
        if "WRONGTYPE" in str(error):
            raise foreign(mark) from error
        raise
    if not version.isdigit():
        raise foreign(mark)
    if int(version) > VERSION:
        raise SchemaTooNew(
            f"the queue {name!r} was written by a later version (layout {version}, this one knows "
            f"{VERSION}): upgrade gofastr-queue-redis"
        )
