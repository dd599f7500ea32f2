"""Huey in the store that its URL names: ``huey_redis``, ``huey_sqlite`` or ``huey_memory``."""

from __future__ import annotations

from importlib import import_module

from bench.contest.contestant import Contestant, serve


def make(url: str) -> Contestant:
    """Return what takes part at a URL."""
    made: Contestant = import_module(f"bench.peers.huey_{url.partition(':')[0]}").Peer(url)
    return made


if __name__ == "__main__":
    serve(make)
