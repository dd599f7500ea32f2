"""Frozen values whose instances are open while they are built."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import attrs
import pytest
from attrs.exceptions import FrozenInstanceError

from gofastr_queue import Job
from gofastr_queue.records import Draft
from gofastr_queue.values import value


@value
class Point:
    x: int
    y: int = 0


@value(kw_only=True)
class Named:
    name: str


class Plain(Point):
    """A subclass that takes no note of attrs."""


class Placed(Point):
    """A subclass that builds itself."""

    def __init__(self, place: str) -> None:
        super().__init__(*map(int, place.split(",")))


@attrs.frozen
class Solid(Point):
    z: int = 0


VALUES = (Point(1, 2), Named(name="one"), Plain(1, 2), Placed("1,2"), Solid(1, 2, 3))


@pytest.mark.parametrize("one", VALUES, ids=repr)
def test_what_is_built_is_frozen(one: Any) -> None:
    field = attrs.fields(type(one))[0].name
    before = copy.copy(one)
    with pytest.raises(FrozenInstanceError):
        setattr(one, field, 3)
    with pytest.raises(FrozenInstanceError):
        delattr(one, field)
    assert one == before


def test_what_is_built_is_of_the_class_that_was_called() -> None:
    assert [type(one) for one in VALUES] == [Point, Named, Plain, Placed, Solid]


@pytest.mark.parametrize("one", [one for one in VALUES if type(one) is not Placed], ids=repr)
def test_values_are_copied_pickled_changed_and_hashed_as_any(one: Any) -> None:
    pickled = pickle.loads(pickle.dumps(one))  # noqa: S301 - made here
    for again in (copy.copy(one), pickled, attrs.evolve(one)):
        assert again == one
        assert type(again) is type(one)
        assert hash(again) == hash(one)
    assert attrs.evolve(one, **{attrs.fields(type(one))[0].name: 9}) != one


def test_a_mistake_in_building_is_told_as_anywhere() -> None:
    with pytest.raises(TypeError, match="x"):
        Point()  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="positional"):
        Named("one")  # type: ignore[call-arg]


def test_what_crosses_the_seam_is_frozen() -> None:
    with pytest.raises(FrozenInstanceError):
        Job(type="mail").type = "sms"  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError):
        Draft("1", "mail", "{}").payload = ""  # type: ignore[misc]
