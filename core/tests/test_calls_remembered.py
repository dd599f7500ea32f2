"""The hooks of a class are looked for once, and again where one of them was changed."""

from __future__ import annotations

import gc
import weakref
from types import MethodType
from typing import Any

import pluggy
import pytest
from core.tests.toys import ARGUMENTS, hook, toy

from gofastr_queue import Capability, InvalidPlugin, UnsupportedOperation, failpoints, hookimpl
from gofastr_queue.calls import resolve


def ack(backend: Any, *plugins: object) -> object:
    """Return what acking returns: its method's name."""
    return resolve(backend, plugins).hooks.queue_ack(acks=[], now=None)


@pytest.fixture
def kind() -> Any:
    """Return a class of backends of which one was resolved before."""
    known = toy()
    resolve(known())
    return known


def test_each_backend_is_called_itself_and_as_its_hooks_say(kind: Any) -> None:
    first, second = kind(), kind()

    calls = [resolve(first), resolve(second)]

    for one, backend in zip(calls, (first, second), strict=True):
        for name in ARGUMENTS.keys() - {"queue_put"}:
            assert getattr(one.hooks, name) == getattr(backend, name), name
        with pytest.raises(UnsupportedOperation, match="'toy' cannot stats"):
            one.hooks.queue_stats()
        assert (one.capabilities, one.turns) == (frozenset(), False)


@pytest.mark.parametrize(
    "taken", ["drafts, on_conflict, now", "drafts, on_conflict, now, transaction"]
)
def test_what_is_not_taken_is_left_out_and_what_is_not_given_filled_in(taken: str) -> None:
    kind = toy(queue_put=taken)

    for backend in (kind(), kind()):
        put: Any = resolve(backend).hooks.queue_put
        assert put(drafts=[], on_conflict="error", now=None) == "queue_put"
        assert put(drafts=[], on_conflict="error", now=None, transaction=None) == "queue_put"


def test_what_is_known_is_not_looked_for_again(kind: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def look(*_: object) -> None:
        raise AssertionError("pluggy was asked")

    monkeypatch.setattr(pluggy, "PluginManager", look)
    backend = kind()

    assert resolve(backend).hooks.queue_ack == backend.queue_ack
    with pytest.raises(AssertionError, match="pluggy was asked"):
        resolve(toy()())


def test_a_failpoint_is_passed_by_each_backend(kind: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    passed: list[str] = []

    def around(name: str, function: Any) -> Any:
        passed.append(name)
        return function

    monkeypatch.setattr(failpoints, "around_hook", around)
    resolve(kind())

    assert sorted(passed) == sorted(ARGUMENTS)


def test_the_name_is_the_backends_own(kind: Any) -> None:
    other = kind()
    other.name = "other"

    calls = resolve(other)

    assert calls.name == "other"
    with pytest.raises(UnsupportedOperation, match="'other' cannot stats"):
        calls.hooks.queue_stats()


def test_neither_a_backend_nor_its_class_is_kept() -> None:
    class Kind(toy()):  # type: ignore[misc] # a class made here
        @hookimpl
        def queue_ack(self, acks: Any, now: Any) -> Any:
            return super().queue_ack(acks, now)

    backend = Kind()
    assert [ack(backend), ack(Kind())] == ["queue_ack"] * 2
    gone: list[Any] = [weakref.ref(backend), weakref.ref(Kind)]

    del backend, Kind
    gc.collect()

    assert [one() for one in gone] == [None, None]


def test_a_method_replaced_in_the_class_is_called(kind: Any) -> None:
    kind.queue_ack = hook("replaced", "acks, now")

    assert ack(kind()) == "replaced"


def test_a_method_that_no_longer_fits_is_refused(kind: Any) -> None:
    kind.queue_ack = hook("queue_ack", "")

    with pytest.raises(InvalidPlugin, match="queue_ack lacks the required argument acks, now"):
        resolve(kind())


def test_a_hook_that_joins_the_class_is_a_capability(kind: Any) -> None:
    kind.queue_diagnose = hook("queue_diagnose", "now")

    backend = kind()
    calls = resolve(backend)

    assert calls.capabilities == {Capability.DIAGNOSE}
    assert calls.hooks.queue_diagnose == backend.queue_diagnose


def test_a_hook_of_one_backend_alone_is_called(kind: Any) -> None:
    own = kind()
    own.queue_ack = MethodType(hook("own", "acks, now"), own)

    assert ack(own) == "own"
    assert ack(kind()) == "queue_ack"


def test_a_first_backend_that_differs_is_not_taken_for_its_class() -> None:
    kind = toy(queue_diagnose="now")
    lacking = kind()
    lacking.queue_diagnose = None
    assert resolve(lacking).capabilities == frozenset()
    assert resolve(kind()).capabilities == {Capability.DIAGNOSE}

    kind = toy()
    able = kind()
    able.queue_diagnose = MethodType(hook("queue_diagnose", "now"), able)
    assert resolve(able).capabilities == {Capability.DIAGNOSE}
    assert resolve(kind()).capabilities == frozenset()


def test_a_function_of_the_first_backend_alone_is_not_taken_for_its_class() -> None:
    @hookimpl
    def queue_diagnose(now: Any) -> Any:
        return now

    kind = toy()
    able = kind()
    able.queue_diagnose = queue_diagnose

    assert resolve(able).capabilities == {Capability.DIAGNOSE}
    assert resolve(kind()).capabilities == frozenset()


def test_a_class_that_wraps_its_own_hook_does_so_each_time() -> None:
    class Wrapping(toy()):  # type: ignore[misc] # a class made here
        @hookimpl(wrapper=True, specname="queue_ack")
        def around(self) -> Any:
            return f"wrapped {(yield)}"

    assert [ack(Wrapping()), ack(Wrapping())] == ["wrapped queue_ack"] * 2


def test_what_one_backend_alone_declares_is_checked(kind: Any) -> None:
    own = kind()
    own.capabilities = frozenset({Capability.PRIORITY})
    assert resolve(own).capabilities == {Capability.PRIORITY}

    own.capabilities = frozenset({Capability.WAKE})
    with pytest.raises(InvalidPlugin, match="declares wake without its hooks"):
        resolve(own)


def test_a_backend_that_observes_and_encodes_is_told_each_time(kind: Any) -> None:
    kind.jobs_buried = hook("jobs_buried", "jobs")
    kind.payload_out = hook("payload_out", "text, headers")

    for backend in (kind(), kind()):
        calls = resolve(backend)
        assert calls.observers["jobs_buried"] == (backend.jobs_buried,)
        assert calls.encoders == (backend.payload_out,)


def test_a_backend_without_attributes_of_its_own_is_known_too() -> None:
    body = {name: one for name, one in vars(toy()).items() if not name.startswith("__")}
    kind: Any = type("Slotted", (), {"__slots__": (), **body})

    for backend in (kind(), kind()):
        assert resolve(backend).hooks.queue_close == backend.queue_close


def test_a_plugin_is_seen_though_the_class_is_known(kind: Any) -> None:
    class Wrapping:
        @hookimpl(wrapper=True)
        def queue_ack(self) -> Any:
            yield
            return "wrapped"

    assert ack(kind(), Wrapping()) == "wrapped"
    assert ack(kind()) == "queue_ack"
