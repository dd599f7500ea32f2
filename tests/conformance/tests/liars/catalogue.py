"""What a liar is, and the list of all."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from attrs import frozen
from tests.conformance.tests.liars.honest import Memory, Sqlite

Backend = type[Memory | Sqlite]

Class = TypeVar("Class", bound=Backend)


@frozen
class Liar:
    """A backend with one lie, the case of the kit that refutes it, and cases that it passes."""

    backend: Backend
    refuted_by: str
    passes: tuple[str, ...]

    @property
    def name(self) -> str:
        """Return its class's name; the docstring there says what the lie is."""
        return self.backend.__name__

    @property
    def honest(self) -> Backend:
        """Return the correct backend that this one is made from."""
        return Memory if issubclass(self.backend, Memory) else Sqlite


LIARS: list[Liar] = []


def liar(refuted_by: str, *passes: str) -> Callable[[Class], Class]:
    """List a class as a liar."""

    def remember(backend: Class) -> Class:
        LIARS.append(Liar(backend, refuted_by, passes))
        return backend

    return remember
