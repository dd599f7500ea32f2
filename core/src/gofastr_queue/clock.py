"""The only place of core that reads the time of day."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """What tells a queue the time when it is injected; see ``testing.FakeClock``."""

    def now(self) -> datetime:
        """Return the current time, aware."""
        ...


class SystemClock:
    """The clock of this process."""

    def now(self) -> datetime:
        """Return the current time in UTC."""
        return datetime.now(UTC)
