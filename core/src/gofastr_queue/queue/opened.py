"""Opening a queue on a backend, and what every verb needs of it."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Collection, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from gofastr_queue import backends, failpoints, limits
from gofastr_queue.backends import Backend
from gofastr_queue.calls import resolve
from gofastr_queue.capabilities import Capability
from gofastr_queue.clock import Clock
from gofastr_queue.consumer import Consumer
from gofastr_queue.errors import InvalidOption, QueueClosed
from gofastr_queue.handlers import Registry
from gofastr_queue.hookspecs import Hooks
from gofastr_queue.ids import new_id
from gofastr_queue.observing import Observers
from gofastr_queue.payload import MAX_BYTES, MAX_DEPTH, Codec
from gofastr_queue.retry import Backoff
from gofastr_queue.worker.reclaimer import Reclaimer

RECLAIM_INTERVAL = timedelta(seconds=30)
"""Expired leases are looked for this often, or once a lease if that is shorter."""


class Opened:
    """A backend with its hooks resolved."""

    def __init__(
        self,
        backend: Backend,
        *,
        lease: timedelta | None = None,
        backoff: Backoff | None = None,
        plugins: Iterable[object] = (),
        requires: Collection[Capability] = (),
        clock: Clock | None = None,
        max_payload_bytes: int = MAX_BYTES,
        max_payload_depth: int = MAX_DEPTH,
    ) -> None:
        """Use ``backend``.

        ``lease`` is how long a claim lasts unless renewed (default: the backend's).  ``backoff``
        delays retries (default: none).  ``plugins`` wrap operations or observe.  ``requires``
        names capabilities without which the queue must not open: ``UnsupportedOperation``.
        ``clock`` replaces the store's clock, for tests.
        """
        _check(lease, backoff, requires, max_payload_bytes, max_payload_depth)
        self._calls = resolve(backend, plugins)
        for capability in sorted(requires):
            self._calls.require("open as required", capability)
        self._handlers = Registry()
        self._backoff = backoff
        self._codec = Codec(
            max_payload_bytes, max_payload_depth, self._calls.encoders, self._calls.decoders
        )
        self._observers = Observers(self._calls.observers)
        self._consumer = Consumer(
            calls=self._calls,
            codec=self._codec,
            lease=limits.lease(backend.default_lease if lease is None else lease),
            worker=f"{socket.gethostname()}:{os.getpid()}:{new_id()[-6:]}",
            clock=clock,
            observers=self._observers,
        )
        self._reclaimer = Reclaimer(
            self._consumer.reclaim, min(RECLAIM_INTERVAL, self._consumer.lease), self._now
        )
        self._closing = threading.Lock()
        self._closed = False

    @classmethod
    def open(
        cls,
        url: str,
        *,
        lease: timedelta | None = None,
        backoff: Backoff | None = None,
        plugins: Iterable[object] = (),
        requires: Collection[Capability] = (),
        clock: Clock | None = None,
        max_payload_bytes: int = MAX_BYTES,
        max_payload_depth: int = MAX_DEPTH,
        **options: Any,
    ) -> Self:
        """Open the queue that ``url`` names; other keywords are the backend's options.

        Raises ``BackendNotFound`` for an unknown scheme, ``TypeError`` for an unknown option,
        ``BackendUnavailable`` or ``SchemaTooNew`` for a store that cannot be used.
        """
        _check(lease, backoff, requires, max_payload_bytes, max_payload_depth)
        backend = backends.connect(url, **options)
        try:
            return cls(
                backend,
                lease=lease,
                backoff=backoff,
                plugins=plugins,
                requires=requires,
                clock=clock,
                max_payload_bytes=max_payload_bytes,
                max_payload_depth=max_payload_depth,
            )
        except BaseException:
            backend.queue_close()
            raise

    @property
    def capabilities(self) -> frozenset[Capability]:
        """What the backend can do beyond the required."""
        return self._calls.capabilities

    @property
    def lease(self) -> timedelta:
        """How long a claim lasts unless renewed."""
        return self._consumer.lease

    def __repr__(self) -> str:
        state = "closed" if self._closed else "open"
        return f"<Queue on {self._calls.name}, {state}>"

    def _hooks(self) -> Hooks:
        """Return the backend's operations, or raise ``QueueClosed``."""
        if self._closed:
            raise QueueClosed("the queue is closed; open a new one")
        return self._calls.hooks

    def _now(self) -> datetime:
        """Return the time by the queue's clock, for what core decides itself."""
        return self._consumer.now() or datetime.now(UTC)

    def _attempts(self, type: str) -> int:
        """Return what the handler of a type says of attempts, 0 if it is not here or silent."""
        handler = self._handlers.get(type)
        return (handler.max_attempts if handler else None) or 0


def _check(
    lease: object,
    backoff: object,
    requires: object,
    max_payload_bytes: object,
    max_payload_depth: object,
) -> None:
    """Check a queue's own options, before any store is touched."""
    failpoints.announce()
    if lease is not None:
        limits.lease(lease)
    if backoff is not None and not isinstance(backoff, Backoff):
        raise InvalidOption(f"backoff must be a Backoff, got {limits.shown(backoff)}")
    limits.count("max_payload_bytes", max_payload_bytes)
    limits.count("max_payload_depth", max_payload_depth)
    known = ", ".join(Capability)
    if isinstance(requires, str) or not isinstance(requires, Collection):
        raise InvalidOption(
            f"requires must be a collection of capabilities, got {limits.shown(requires)}"
        )
    for one in requires:
        if not isinstance(one, str) or one not in set(Capability):
            raise InvalidOption(f"unknown capability {limits.shown(one)}; known: {known}")
