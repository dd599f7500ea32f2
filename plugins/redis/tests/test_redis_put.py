"""A plain job is stored by a script of its own, and stands as if the general one had stored it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from redis import Redis

from gofastr_queue.limits import INT32_MAX, INT32_MIN
from gofastr_queue.records import Draft
from gofastr_queue_redis import RedisBackend, rows
from gofastr_queue_redis.scripts import KINDS, key

NOW = datetime(2026, 5, 1, tzinfo=UTC)
HEAD = 5
"""The priority of the job that waits already, where one does."""


def dump(alone: Redis, name: str) -> dict[str, Any]:
    """Read all keys of a queue; of the bell's entries only what they tell."""
    read: dict[str, Callable[[str], Any]] = {
        "hash": alone.hgetall,
        "zset": lambda at: alone.zrange(at, 0, -1, withscores=True),
        "string": alone.get,
        "stream": lambda at: [told for _, told in alone.xrange(at) or ()],
        "none": lambda _: None,
    }
    places = {kind: key(name, kind) for kind in KINDS}
    return {kind: read[str(alone.type(at))](at) for kind, at in places.items()}


@pytest.mark.parametrize("behind", [False, True], ids=["empty line", "behind another"])
@pytest.mark.parametrize("priority", [0, HEAD, HEAD - 1, HEAD + 1, -1, INT32_MIN, INT32_MAX])
def test_both_scripts_leave_the_same_keys(alone: Redis, priority: int, behind: bool) -> None:
    draft = Draft("2", "mail", "[1]", "", "eu", priority)
    dumps = []
    for name in ("general", "plain"):
        backend = RedisBackend(alone, name)
        if behind:
            backend.queue_put([Draft("1", "mail", "0", "", "eu", HEAD)], "error", NOW)
        if name == "plain":
            (put,) = backend.queue_put([draft], "error", NOW)
            assert put.job == draft.job(NOW)
        else:
            backend._run("put", NOW, "error", 1, *rows.draft(draft))
        dumps.append(dump(alone, name))
        backend.queue_close()

    assert dumps[0] == dumps[1]
    assert set(dumps[0]["jobs"]) == {"1", "2"} if behind else {"2"}
