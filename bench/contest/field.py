"""Who takes part in which store."""

from __future__ import annotations

from importlib import metadata, util
from typing import Literal

from attrs import frozen

OURS = "ours"
RAW = "raw"
WRAPPED = "wrapped"
"""Ours with a plugin around every operation."""

INSTALL = "pip install -r bench/requirements.txt"


class FieldError(Exception):
    """Somebody cannot take part; the text says who, why, and what to do."""


@frozen
class Peer:
    """Another queue: its module in ``bench.peers``, the distribution it needs, and its stores."""

    name: str
    distribution: str
    stores: tuple[str, ...]

    @property
    def module(self) -> str:
        """What its interpreter runs."""
        return f"bench.peers.{self.name}"

    def missing(self) -> str:
        """Say what is missing, nothing if it can take part."""
        if util.find_spec(self.module) is None:
            return f"peer {self.name!r}: the bench has no {self.module}"
        try:
            if self.distribution:
                metadata.version(self.distribution)
        except metadata.PackageNotFoundError:
            return f"peer {self.name!r}: {self.distribution} is not installed: {INSTALL}"
        return ""


PEERS = {
    peer.name: peer
    for peer in (
        Peer("pgqueuer", "pgqueuer", ("postgresql",)),
        Peer("procrastinate", "procrastinate", ("postgresql",)),
        Peer("chancy", "chancy", ("postgresql",)),
        Peer("awa", "awa-pg", ("postgresql",)),
        Peer("dramatiq", "dramatiq", ("redis",)),
        Peer("rq", "rq", ("redis",)),
        Peer("saq", "saq", ("redis",)),
        Peer("celery", "celery", ("redis",)),
        Peer("huey", "huey", ("redis", "sqlite", "memory")),
        Peer("litequeue", "litequeue", ("sqlite",)),
        Peer("threadpool", "", ("memory",)),
    )
}
"""All that the bench knows, by name."""


def peers(store: str, asked: tuple[str, ...] | Literal["all"]) -> tuple[list[Peer], list[str]]:
    """Return who takes part in a store, and what is said of those that are left out.

    Who was asked for by name and cannot is a ``FieldError``.
    """
    known = [peer for peer in PEERS.values() if store in peer.stores]
    if asked == "all":
        said = [peer.missing() for peer in known]
        return (
            [peer for peer, missing in zip(known, said, strict=True) if not missing],
            [missing for missing in said if missing],
        )
    chosen = [peer for peer in known if peer.name in asked]
    for peer in chosen:
        if missing := peer.missing():
            raise FieldError(missing)
    return chosen, []


def check(stores: list[str], asked: tuple[str, ...] | Literal["all"]) -> None:
    """Raise ``FieldError`` for a name that nobody has, or that has nothing to do here."""
    for name in () if asked == "all" else asked:
        if name not in PEERS:
            raise FieldError(f"unknown peer {name!r}; known: {', '.join(PEERS)}")
        if not set(PEERS[name].stores) & set(stores):
            raise FieldError(
                f"peer {name!r} has no {' or '.join(stores)} store, only "
                f"{', '.join(PEERS[name].stores)}"
            )
    for store in stores:
        peers(store, asked)
