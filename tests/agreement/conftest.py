"""One harness of each store."""

from __future__ import annotations

from tests.stores import memory, postgres, redis, sqlite

__all__ = ["memory", "postgres", "redis", "sqlite"]
