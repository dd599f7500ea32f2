"""Frozen attrs values that are built as quickly as open ones.

attrs writes the fields of a frozen instance around its class's ``__setattr__``, which takes three
times as long as plain stores, and a job is six such values on its way in.  Here an instance is of
an open subclass while its ``__init__`` runs.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, NoReturn

import attrs
from attrs.exceptions import FrozenInstanceError

if TYPE_CHECKING:
    from attrs import frozen as value  # what it is to whoever reads types
else:

    def value(cls: type | None = None, *, kw_only: bool = False) -> Any:
        """Make a class of frozen values, as ``attrs.frozen`` does; so are its subclasses."""
        if cls is None:
            return functools.partial(value, kw_only=kw_only)

        def unseal(self: Any) -> None:
            kind = type(self)
            _set_class(self, opened if kind is made else _open(kind))

        cls.__attrs_pre_init__ = unseal
        cls.__attrs_post_init__ = _refuse  # the open subclass has another
        cls.__setattr__ = cls.__delattr__ = _refuse
        made = attrs.define(cls, kw_only=kw_only, unsafe_hash=True)
        opened = _open(made)
        return made


_set_class = object.__dict__["__class__"].__set__


@functools.cache
def _open(sealed: type) -> type:
    """Return a subclass whose fields can be written."""

    def seal(self: Any) -> None:
        self.__class__ = sealed

    plain = {"__slots__": (), "__setattr__": object.__setattr__, "__delattr__": object.__delattr__}
    return type(sealed.__name__, (sealed,), plain | {"__attrs_post_init__": seal})


def _refuse(*_: object) -> NoReturn:
    raise FrozenInstanceError


__all__ = ["value"]
