"""Redis and Valkey for gofastr-queue: many hosts, one server or cluster."""

from gofastr_queue_redis.backend import RedisBackend, connect
from gofastr_queue_redis.links import RedisClient

__all__ = ["RedisBackend", "RedisClient", "connect"]
