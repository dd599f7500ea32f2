"""Hooks are resolved once: the shortest call that is right, and every misfit named at open."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, cast

import pytest
from attrs import define
from core.tests.toys import ARGUMENTS, OPTIONAL, SECOND, toy

from gofastr_queue import Capability, InvalidPlugin, Queue, UnsupportedOperation, calls, hookimpl
from gofastr_queue.records import EVERYTHING, Ack


def backend(*without: str, declares: Any = (), **hooks: Any) -> Any:
    """Return a backend of a class of its own."""
    return toy(*without, declares=declares, **hooks)()


def called(resolved: calls.Calls, hook: str, **arguments: Any) -> Any:
    """Return what a hook returns, which of these backends is its name."""
    return getattr(resolved.hooks, hook)(**arguments)


class Counting:
    """A wrapper that counts acks and does nothing else."""

    def __init__(self) -> None:
        self.acked = 0

    @hookimpl(wrapper=True)
    def queue_ack(self, acks: Sequence[Ack]) -> Iterator[None]:
        done = yield
        self.acked += len(acks)
        return done


def test_a_backend_with_the_required_hooks_alone_is_enough() -> None:
    resolved = calls.resolve(backend())

    assert resolved.name == "toy"
    assert resolved.capabilities == frozenset()
    assert called(resolved, "queue_ack", acks=[], now=None) == "queue_ack"


def test_where_nothing_wraps_the_backends_own_method_is_called() -> None:
    whole = backend(**OPTIONAL)

    resolved = calls.resolve(whole)

    with_defaults = {"queue_put", "queue_wait"}  # filled in by a function between
    for hook in {*ARGUMENTS, *OPTIONAL} - with_defaults:
        assert getattr(resolved.hooks, hook) == getattr(whole, hook), hook


def test_where_something_wraps_only_that_operation_goes_through_the_hook() -> None:
    plain = backend()

    resolved = calls.resolve(plain, [Counting()])

    assert resolved.hooks.queue_ack != plain.queue_ack
    assert resolved.hooks.queue_nack == plain.queue_nack
    assert called(resolved, "queue_ack", acks=[], now=None) == "queue_ack"


def test_a_plugin_that_only_wraps_works_on_a_real_queue() -> None:
    counting = Counting()
    with Queue.open("memory://", plugins=[counting]) as queue:
        queue.enqueue("mail")

        assert queue.ack(queue.dequeue())

    assert counting.acked == 1


def test_an_error_passes_through_a_wrapper() -> None:
    class Watching:
        def __init__(self) -> None:
            self.seen: list[str] = []

        @hookimpl(wrapper=True)
        def queue_put(self) -> Iterator[None]:
            try:
                return (yield)
            except Exception as error:
                self.seen.append(type(error).__name__)
                raise

    watching = Watching()
    with Queue.open("memory://", plugins=[watching]) as queue:
        queue.enqueue("mail", id="1")
        with pytest.raises(Exception, match="already stored: '1'"):
            queue.enqueue("mail", id="1")

    assert watching.seen == ["DuplicateJob"]


@pytest.mark.parametrize("hook", ARGUMENTS)
def test_a_missing_required_hook_is_named(hook: str) -> None:
    with pytest.raises(InvalidPlugin, match=rf"backend 'toy' lacks required hooks: {hook};"):
        calls.resolve(backend(hook))


def test_every_missing_hook_is_named_at_once() -> None:
    with pytest.raises(InvalidPlugin, match=r"(?=.*queue_put)(?=.*queue_ack)"):
        calls.resolve(backend("queue_put", "queue_ack"))


@pytest.mark.parametrize(
    ("hook", "argument"),
    [
        (hook, argument)
        for hook, arguments in (ARGUMENTS | OPTIONAL).items()
        for argument in arguments.split(", ")
        if argument
    ],
)
def test_a_missing_required_argument_is_named(hook: str, argument: str) -> None:
    left = [one for one in (ARGUMENTS | OPTIONAL)[hook].split(", ") if one != argument]

    with pytest.raises(InvalidPlugin, match=rf"Toy\.{hook} lacks the required argument {argument}"):
        calls.resolve(backend(**{hook: ", ".join(left)}))


def test_an_argument_that_the_contract_does_not_know_is_named() -> None:
    with pytest.raises(InvalidPlugin, match=r"(?s)queue_ack.*sooner"):
        calls.resolve(backend(queue_ack="acks, now, sooner"))


def test_a_keyword_only_argument_is_not_taken_for_one() -> None:
    with pytest.raises(InvalidPlugin, match=r"queue_ack lacks the required argument now"):
        calls.resolve(backend(queue_ack="acks, *, now"))


def test_a_method_without_the_mark_is_no_hook() -> None:
    unmarked = backend("queue_ack")
    type(unmarked).queue_ack = lambda _self, acks, _now: acks

    with pytest.raises(InvalidPlugin, match="queue_ack; a backend marks each with @hookimpl"):
        calls.resolve(unmarked)


def test_an_unknown_hook_is_refused() -> None:
    class Misspelt:
        @hookimpl
        def jobs_enqueud(self) -> None: ...

    with pytest.raises(InvalidPlugin, match="unknown hook 'queue_puts'"):
        calls.resolve(backend(queue_puts="drafts"))
    with pytest.raises(InvalidPlugin, match="unknown hook 'jobs_enqueud'"):
        calls.resolve(backend(), [Misspelt()])


def test_an_operation_has_one_owner() -> None:
    class Usurper:
        @hookimpl
        def queue_ack(self, acks: Sequence[Ack]) -> list[Ack]:
            return list(acks)

    with pytest.raises(
        InvalidPlugin, match=r"queue_ack is owned by the backend, but Usurper.*wrapper=True"
    ):
        calls.resolve(backend(), [Usurper()])


def test_a_plugin_may_not_own_an_operation_that_the_backend_lacks() -> None:
    class Adder:
        @hookimpl
        def queue_purge(self) -> int:
            return 0

    with pytest.raises(InvalidPlugin, match="Adder"):
        calls.resolve(backend(), [Adder()])


def test_a_class_in_place_of_an_instance_is_refused() -> None:
    with pytest.raises(InvalidPlugin, match="Counting is a class; give an instance"):
        calls.resolve(backend(), [Counting])
    with pytest.raises(InvalidPlugin, match="Toy is a class; give an instance"):
        calls.resolve(cast(Any, type(backend())))


@pytest.mark.parametrize("thing", ["sqlite:///jobs.db", 5, None, {}])
def test_what_is_no_backend_is_refused(thing: Any) -> None:
    with pytest.raises(InvalidPlugin, match="backend"):
        Queue(thing)


def test_the_same_plugin_twice_is_refused() -> None:
    counting = Counting()

    with pytest.raises(InvalidPlugin, match="Counting does not fit the hooks"):
        calls.resolve(backend(), [counting, counting])


def test_two_plugins_that_compare_equal_are_refused_with_the_remedy() -> None:
    @define
    class Equal:
        @hookimpl
        def jobs_enqueued(self) -> None: ...

    with pytest.raises(InvalidPlugin, match=r"@define\(eq=False\)"):
        calls.resolve(backend(), [Equal(), Equal()])


@pytest.mark.parametrize(
    ("capability", "hooks"),
    [
        (Capability.BROWSE, ("queue_browse", "queue_stats")),
        (Capability.REPLAY, ("queue_replay", "queue_purge")),
        (Capability.WAKE, ("queue_wait", "queue_wake")),
        (Capability.TURN, ("queue_turn",)),
        (Capability.DIAGNOSE, ("queue_diagnose",)),
    ],
)
def test_what_is_a_hook_is_derived_and_only_from_all_hooks_of_its_topic(
    capability: Capability, hooks: tuple[str, ...]
) -> None:
    whole = {hook: OPTIONAL[hook] for hook in hooks}
    partial = dict(list(whole.items())[1:])

    assert calls.resolve(backend(**whole)).capabilities == {capability}
    assert calls.resolve(backend(**partial)).capabilities == frozenset()
    with pytest.raises(InvalidPlugin, match=f"declares {capability} without its hooks"):
        calls.resolve(backend(declares=(capability,), **partial))


def test_transactional_needs_the_argument() -> None:
    declares = (Capability.TRANSACTIONAL,)

    with pytest.raises(
        InvalidPlugin, match="declares transactional, but its queue_put takes no 'transaction'"
    ):
        calls.resolve(backend(declares=declares))

    takes = backend(declares=declares, queue_put="drafts, on_conflict, now, transaction")
    assert calls.resolve(takes).capabilities == {Capability.TRANSACTIONAL}


def test_an_optional_argument_may_be_left_out_of_the_call_wrapped_or_not() -> None:
    takes = backend(queue_put="drafts, on_conflict, now, transaction")

    class Wrapping:
        @hookimpl(wrapper=True)
        def queue_put(self, transaction: object) -> Iterator[None]:
            assert transaction is None
            return (yield)

    for plugins in ([], [Wrapping()]):
        resolved = calls.resolve(takes, plugins)
        put = called(resolved, "queue_put", drafts=[], on_conflict="error", now=None)
        assert put == "queue_put"


def test_an_operation_without_its_capability_says_what_is_lacking() -> None:
    resolved = calls.resolve(backend())

    with pytest.raises(
        UnsupportedOperation, match="backend 'toy' cannot stats: it lacks the capability browse"
    ) as caught:
        resolved.hooks.queue_stats()

    assert (caught.value.backend, caught.value.capability) == ("toy", Capability.BROWSE)
    with pytest.raises(UnsupportedOperation, match="capability turn"):
        resolved.hooks.queue_turn(
            acks=(), releases=(), want=EVERYTHING, limit=1, lease=SECOND, worker="w", now=None
        )
