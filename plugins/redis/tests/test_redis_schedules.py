"""Schedules in Redis: values that somebody spoiled, and keys that are not ours."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from redis import Redis

from gofastr_queue import BackendUnavailable, Queue, Scheduler
from gofastr_queue.testing import FakeClock
from gofastr_queue_conformance import Harness

MINUTE = timedelta(minutes=1)


@pytest.fixture
def keeper(redis: Harness) -> Iterator[Redis]:
    with Redis.from_url(redis.url.partition("?")[0]) as client:
        yield client


def key(harness: Harness, kind: str) -> str:
    (name,) = parse_qs(urlsplit(harness.url).query)["name"]
    return f"{{{name}}}:{kind}"


@pytest.mark.parametrize(
    "spoilt", ["", "garbage", "1\0x\0y\0z\0002\0\0{}", "9" * 400 + "\0" * 6, "\0" * 6]
)
def test_a_spoilt_schedule_spoils_no_other_and_may_be_registered_anew(
    redis: Harness, keeper: Redis, spoilt: str
) -> None:
    clock = FakeClock()
    with Queue.open(redis.url, clock=clock) as queue:
        scheduler = Scheduler(queue)
        for id in ("a", "bad", "z"):
            scheduler.every(MINUTE, id)
        scheduler.run_once()
        keeper.hset(key(redis, "schedules"), "bad", spoilt)
        fired = 0
        for _ in range(3):
            clock.advance(MINUTE)
            fired += scheduler.run_once()

        assert fired == 6
        assert [one.id for one in queue.schedules() if one.problem] == ["bad"]
        scheduler.every(MINUTE, "bad", id="bad")
        clock.advance(MINUTE)
        assert [scheduler.run_once() for _ in range(2)] == [3, 0]
        keeper.hset(key(redis, "schedules"), "bad", spoilt)
        assert queue.remove_schedule("bad")
        assert [one.id for one in queue.schedules()] == ["a", "z"]


def test_what_is_due_of_nothing_is_passed_over(redis: Harness, keeper: Redis) -> None:
    clock = FakeClock()
    with Queue.open(redis.url, clock=clock) as queue:
        scheduler = Scheduler(queue)
        scheduler.every(MINUTE, "digest")
        strangers = {f"{number:018}stranger": 0 for number in range(250)}
        keeper.zadd(key(redis, "due"), strangers | {"000000000000000001digest": 0})
        clock.advance(MINUTE)

        assert [scheduler.run_once() for _ in range(2)] == [1, 0]


@pytest.mark.parametrize("kind", ["schedules", "due", "ticks"])
def test_a_key_of_another_type_is_refused_before_anything_is_written(
    redis: Harness, keeper: Redis, kind: str
) -> None:
    with Queue.open(redis.url) as queue:
        keeper.set(key(redis, kind), "mine")

        with pytest.raises(BackendUnavailable, match=kind):
            Scheduler(queue).every(MINUTE, "digest")

        queue.enqueue("mail")
        assert queue.dequeue().job.type == "mail"
        assert keeper.get(key(redis, kind)) == b"mine"
