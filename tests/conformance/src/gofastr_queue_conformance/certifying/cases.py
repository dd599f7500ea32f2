"""What pytest found out about each case."""

from __future__ import annotations

from attrs import frozen

from gofastr_queue.capabilities import Capability
from gofastr_queue_conformance.evidence import Asked


@frozen
class Case:
    """The result of one case.

    ``asked`` says what it needed; ``about``, of which capability it proves that it is refused where
    it is absent.  ``failure`` is empty if it passed.
    """

    name: str
    topic: str
    asked: Asked
    about: Capability | None
    failure: str
    seconds: float
