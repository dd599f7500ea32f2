"""When a failed job is tried again: pure arithmetic."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any

from attrs import Attribute, field, frozen

from gofastr_queue.errors import InvalidOption

LONGEST_DELAY = timedelta(days=3650)
"""No delay is longer: ten years keep every date representable in every store."""


def _positive(_: object, attribute: Attribute[Any], value: object) -> None:
    name = attribute.name
    if value is None and name == "max":
        return
    if not isinstance(value, timedelta) or value <= timedelta(0):
        raise InvalidOption(f"backoff {name} must be a positive timedelta, got {value!r}")


@frozen
class Backoff:
    """Exponential backoff: the n-th failure waits ``base * 2**(n-1)``, at most ``max``.

    ``max=None`` means no cap but ``LONGEST_DELAY``.  ``jitter`` (0 to 1) adds up to that share of
    the delay at random, so that jobs which failed together do not return together; never less
    than the computed delay.  Raises ``InvalidOption`` for a value outside these bounds.
    """

    base: timedelta = field(validator=_positive)
    max: timedelta | None = field(default=None, validator=_positive)
    jitter: float = field(default=0.0)

    @jitter.validator
    def _share(self, _: object, value: float) -> None:
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
            raise InvalidOption(f"backoff jitter must be between 0 and 1, got {value!r}")

    def delay(self, attempts: int) -> timedelta:
        """How long a job waits after its failure number ``attempts`` (1 is the first)."""
        cap = min(self.max or LONGEST_DELAY, LONGEST_DELAY)
        doublings = min(attempts - 1, 64)  # 2**64 times the smallest base exceeds any cap
        micros = (self.base // timedelta(microseconds=1)) << doublings
        wait = min(timedelta(microseconds=min(micros, cap // timedelta(microseconds=1))), cap)
        if self.jitter:
            wait += wait * (random.random() * self.jitter)  # noqa: S311 - spreads load only
        return min(wait, LONGEST_DELAY)
