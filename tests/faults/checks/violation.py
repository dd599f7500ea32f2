"""What a check says."""

from __future__ import annotations

from attrs import frozen


@frozen
class Violation:
    """A broken promise: which, of which job (if of one), and how one can tell."""

    code: str
    id: str
    text: str
