"""Which types a worker may run now."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable

log = logging.getLogger("gofastr_queue.worker")


class Gate:
    """A user's gate function, and the types it was seen to close."""

    def __init__(self, function: Callable[[str], bool] | None) -> None:
        self._function = function
        self._closed: frozenset[str] = frozenset()
        self._opened_at = 0.0

    def closed_since(self, moment: float) -> bool:
        """Tell whether a type was seen closed at any time since a monotonic moment.

        Several pools ask: one may see a type open while another claims without it.
        """
        return bool(self._closed) or self._opened_at >= moment

    def refresh(self, types: Iterable[str]) -> frozenset[str]:
        """Ask about ``types`` and whatever was closed; return those closed now."""
        if self._function is not None:
            before = self._closed
            closed = frozenset(type for type in {*types, *before} if not self._ask(type))
            if before - closed:
                self._opened_at = time.monotonic()
            self._closed = closed
        return self._closed

    def admits(self, type: str) -> bool:
        """Ask about one type, just before a job of it starts."""
        if self._function is None or self._ask(type):
            return True
        self._closed |= {type}
        return False

    def _ask(self, type: str) -> bool:
        assert self._function is not None  # noqa: S101 - both callers have checked
        try:
            return bool(self._function(type))
        except BaseException:
            log.exception("gate failed; the type stays closed", extra={"type": type})
            return False
