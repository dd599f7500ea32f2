"""One harness of each store."""

from __future__ import annotations

from tests.stores import memory, postgres, postgres_address, redis, redis_address, sqlite

__all__ = ["memory", "postgres", "postgres_address", "redis", "redis_address", "sqlite"]
