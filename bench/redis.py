"""A throw-away Redis server with a log that is written every second, and queues in it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count

from bench.stores import Counts
from redis import Redis
from tests.servers.redis import Server

from gofastr_queue.backends import connect
from gofastr_queue_redis import RedisBackend

STATUS = {b"c": "claimed", b"p": "pending", b"f": "failed"}


class RedisQueue:
    """Keys of its own."""

    def __init__(self, url: str, name: str) -> None:
        backend = connect(f"{url}?name={name}")
        assert isinstance(backend, RedisBackend)
        self.backend = backend
        self.client = Redis.from_url(url)
        self.name = name

    def counted(self) -> Counts:
        """Count the stored jobs by reading each of them."""
        counts: Counts = Counter()
        states = dict(self.client.hscan_iter(self._key("state"), count=1_000))
        for id, body in self.client.hscan_iter(self._key("jobs"), count=1_000):
            lane, type, _ = body.split(b"\0", 2)
            counts[STATUS[states.get(id, b"p")[:1]], lane.decode(), type.decode()] += 1
        return counts

    def size(self) -> int:
        """Return the bytes of its keys."""
        keys = self.client.keys(f"{{{self.name}}}:*")
        return sum(int(self.client.memory_usage(key, samples=0) or 0) for key in keys)

    def known(self) -> str:
        """Say how much memory the server uses."""
        return f"{int(self.client.info('memory')['used_memory']):,} bytes used"

    def settle(self) -> bool:
        """Return False: a Redis server has no upkeep that matters here."""
        return False

    def remove(self) -> None:
        """Close and remove the keys, piece by piece."""
        self.backend.queue_close()
        self.client.unlink(*self.client.keys(f"{{{self.name}}}:*"))
        self.client.close()

    def _key(self, kind: str) -> str:
        return f"{{{self.name}}}:{kind}"


class RedisStore:
    """Queues in one server."""

    name = "redis"

    def __init__(self, url: str) -> None:
        self.url = url
        with Redis.from_url(url) as client:
            version = client.info("server")["redis_version"]
            allocator = client.info("memory")["mem_allocator"]
        self.settings = f"Redis {version}, {allocator}, appendonly yes, appendfsync everysec"
        self._numbers = count(1)

    def queue(self) -> RedisQueue:
        """Make an empty queue."""
        return RedisQueue(self.url, f"bench:{next(self._numbers)}")


@contextmanager
def redis_store() -> Iterator[RedisStore]:
    """Give a server that is gone afterwards."""
    with Server(appendfsync="everysec", auto_aof_rewrite_percentage=0) as server:
        yield RedisStore(server.url())
