"""What a mutant is."""

from __future__ import annotations

from attrs import frozen


@frozen
class Mutant:
    """``old`` stands exactly once in ``file``; ``tests`` must fail once it reads ``new``.

    ``tests`` are pytest's arguments, as a shell would read them.
    """

    promise: int
    breaks: str
    file: str
    old: str
    new: str
    tests: str
