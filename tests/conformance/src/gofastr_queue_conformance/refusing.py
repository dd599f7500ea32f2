"""Refusing: what a backend cannot do, what can never work, and what is closed, says so."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gofastr_queue import (
    BackendUnavailable,
    Capability,
    InvalidJob,
    InvalidOption,
    Job,
    Queue,
    QueueClosed,
    UnsupportedOperation,
)
from gofastr_queue.backends import Backend
from gofastr_queue.calls import resolve
from gofastr_queue.capabilities import HOOKS_OF
from gofastr_queue.hookspecs import Hooks
from gofastr_queue.payload import MAX_BYTES, MAX_DEPTH
from gofastr_queue.records import EVERYTHING, JobQuery
from gofastr_queue_conformance.carrying import nested
from gofastr_queue_conformance.harness import Contract, Harness, everything, lacks

Operation = Callable[[Queue], object]

ZERO = timedelta(0)
TWO = (Job(type="mail"), Job(type="mail"))

NEEDS: dict[Capability, dict[str, Operation]] = {
    Capability.BROWSE: {
        "browse": lambda queue: queue.browse(),
        "list_jobs": lambda queue: queue.list_jobs(),
        "get": lambda queue: queue.get("one"),
        "stats": lambda queue: queue.stats(),
        "counts": lambda queue: queue.counts(),
        "join": lambda queue: queue.join(0),
    },
    Capability.REPLAY: {
        "replay": lambda queue: queue.replay("one"),
        "replay_many": lambda queue: queue.replay_many(),
        "purge": lambda queue: queue.purge("failed"),
        "cancel": lambda queue: queue.cancel("one"),
    },
    Capability.DIAGNOSE: {
        "diagnose": lambda queue: queue.diagnose(),
    },
    Capability.SCHEDULE: {
        "schedules": lambda queue: queue.schedules(),
        "pause_schedule": lambda queue: queue.pause_schedule("one"),
        "resume_schedule": lambda queue: queue.resume_schedule("one"),
        "remove_schedule": lambda queue: queue.remove_schedule("one"),
        "run_schedule": lambda queue: queue.run_schedule("one"),
    },
    Capability.TRANSACTIONAL: {
        "enqueue": lambda queue: queue.enqueue("mail", transaction=object()),
        "enqueue_many": lambda queue: queue.enqueue_many([TWO[0]], transaction=object()),
    },
    Capability.PRIORITY: {
        "enqueue": lambda queue: queue.enqueue("mail", priority=1),
        "enqueue_many": lambda queue: queue.enqueue_many([Job(type="mail", priority=-1)]),
    },
    Capability.ATOMIC_BULK: {
        "enqueue_many": lambda queue: queue.enqueue_many(TWO),
        "enqueue_many in chunks": lambda queue: queue.enqueue_many(TWO, chunk=2),
    },
}
"""What a user calls that needs a capability."""

SEAM: dict[str, Callable[[Hooks], object]] = {
    "queue_browse": lambda hooks: hooks.queue_browse(query=JobQuery()),
    "queue_stats": lambda hooks: hooks.queue_stats(),
    "queue_replay": lambda hooks: hooks.queue_replay(query=JobQuery(), now=None),
    "queue_purge": lambda hooks: hooks.queue_purge(query=JobQuery()),
    "queue_wait": lambda hooks: hooks.queue_wait(want=EVERYTHING, timeout=ZERO),
    "queue_wake": lambda hooks: hooks.queue_wake(),
    "queue_turn": lambda hooks: hooks.queue_turn(
        acks=(), releases=(), want=EVERYTHING, limit=0, lease=timedelta(1), worker="w", now=None
    ),
    "queue_diagnose": lambda hooks: hooks.queue_diagnose(now=None),
    "schedule_put": lambda hooks: hooks.schedule_put(drafts=(), now=None),
    "schedule_due": lambda hooks: hooks.schedule_due(limit=1, now=None),
    "schedule_fire": lambda hooks: hooks.schedule_fire(fires=(), now=None),
    "schedule_list": lambda hooks: hooks.schedule_list(ids=None, occurrences=0),
    "schedule_remove": lambda hooks: hooks.schedule_remove(ids=()),
}
"""What core calls that needs a capability made of hooks."""

LONG = "x" * 256
NAIVE = datetime(2026, 1, 1)  # noqa: DTZ001 - refused for having no zone

IMPOSSIBLE: dict[str, dict[str, Any]] = {
    "empty type": {"type": ""},
    "no type": {"type": None},
    "long type": {"type": LONG},
    "newline in type": {"type": "a\nb"},
    "NUL in type": {"type": "a\x00"},
    "surrogate in type": {"type": "\ud800"},
    "C1 control in type": {"type": "\x85"},
    "long lane": {"lane": LONG},
    "newline in lane": {"lane": "\n"},
    "lane of a number": {"lane": 1},
    "long id": {"id": LONG},
    "tab in id": {"id": "a\tb"},
    "surrogate in id": {"id": "a\udfff"},
    "bytes as id": {"id": b"a"},
    "priority past int32": {"priority": 2**31},
    "priority before int32": {"priority": -(2**31) - 1},
    "priority of text": {"priority": "1"},
    "priority of truth": {"priority": True},
    "negative max_attempts": {"max_attempts": -1},
    "huge max_attempts": {"max_attempts": 2**31},
    "naive scheduled_at": {"scheduled_at": NAIVE},
    "scheduled before 1970": {"scheduled_at": datetime(1969, 12, 31, tzinfo=UTC)},
    "scheduled after 9000": {"scheduled_at": datetime(9000, 1, 2, tzinfo=UTC)},
    "negative delay": {"delay": timedelta(microseconds=-1)},
    "delay past ten years": {"delay": timedelta(days=3651)},
    "delay and scheduled_at": {"delay": ZERO, "scheduled_at": datetime(2026, 1, 1, tzinfo=UTC)},
    "NaN": {"payload": float("nan")},
    "infinity inside": {"payload": {"a": [float("-inf")]}},
    "tuple": {"payload": (1, 2)},
    "tuple inside": {"payload": [{"a": (1,)}]},
    "bytes": {"payload": b"x"},
    "set": {"payload": {1}},
    "datetime": {"payload": datetime(2026, 1, 1, tzinfo=UTC)},
    "keys of numbers": {"payload": {1: "a"}},
    "keys of nothing": {"payload": {"a": {None: 1}}},
    "lone surrogate": {"payload": ["\ud800"]},
    "lone surrogate in a key": {"payload": {"\udc00": 1}},
    "one byte too many": {"payload": "x" * (MAX_BYTES - 1)},
    "one wide character too many": {"payload": "\u20ac" * ((MAX_BYTES - 2) // 3 + 1)},
    "one level too deep": {"payload": nested(MAX_DEPTH + 1)},
    "ten thousand digits": {"payload": 10**10_000},
}
"""Fields of jobs that every backend refuses, before it is asked."""


class RefusingContract(Contract):
    """Capabilities, limits and closed queues."""

    @pytest.mark.parametrize("capability", list(NEEDS))
    def test_what_needs_an_absent_capability_is_refused_by_name(
        self, harness: Harness, queue: Queue, capability: Capability
    ) -> None:
        backend = harness.open()
        for operation in NEEDS[capability].values() if lacks(queue, capability) else ():
            with pytest.raises(UnsupportedOperation) as caught:
                operation(queue)

            assert (caught.value.backend, caught.value.capability) == (backend.name, capability)
            assert backend.name in str(caught.value)
            assert capability in str(caught.value)
        backend.queue_close()

        assert queue.claim(1) == []

    @pytest.mark.parametrize("capability", list(Capability))
    def test_a_queue_that_requires_an_absent_capability_does_not_open(
        self, harness: Harness, capability: Capability
    ) -> None:
        backend = harness.open()
        if capability in resolve(backend).capabilities:
            Queue(backend, requires={capability}).close()
            return

        with pytest.raises(UnsupportedOperation) as caught:
            Queue(backend, requires={capability})

        assert (caught.value.backend, caught.value.capability) == (backend.name, capability)
        backend.queue_close()

    @pytest.mark.parametrize("capability", list(HOOKS_OF))
    def test_a_capability_of_hooks_is_there_or_refused_as_a_whole(
        self, harness: Harness, capability: Capability
    ) -> None:
        backend = harness.open()
        calls = resolve(backend)
        present = [hasattr(backend, hook) for hook in HOOKS_OF[capability]]

        assert set(present) == {capability in calls.capabilities}
        for hook in () if all(present) else HOOKS_OF[capability]:
            with pytest.raises(UnsupportedOperation) as caught:
                SEAM[hook](calls.hooks)
            assert (caught.value.backend, caught.value.capability) == (backend.name, capability)
        backend.queue_close()

    def test_a_backend_says_who_it_is(self, harness: Harness) -> None:
        backend: Backend = harness.open()

        assert backend.name
        assert backend.default_lease > ZERO
        assert set(backend.capabilities) <= set(Capability)
        assert backend.queue_close() is not None

    @pytest.mark.parametrize("fields", IMPOSSIBLE.values(), ids=IMPOSSIBLE.keys())
    def test_what_can_never_work_is_refused_and_leaves_no_trace(
        self, queue: Queue, fields: dict[str, Any]
    ) -> None:
        queue.enqueue("mail", id="first")
        given = {"type": "mail"} | fields

        with pytest.raises(InvalidJob):
            queue.enqueue(**given)
        if "delay" not in fields and not lacks(queue, Capability.ATOMIC_BULK):
            with pytest.raises(InvalidJob):
                queue.enqueue_many([TWO[0], Job(**given)])

        assert [claim.job.id for claim in queue.claim(9)] == ["first"]

    def test_impossible_options_are_refused_and_change_nothing(self, queue: Queue) -> None:
        queue.enqueue("mail", id="one")
        before = everything(queue)
        refused: list[Operation] = [
            lambda queue: queue.enqueue("mail", on_conflict="replace"),
            lambda queue: queue.enqueue_many([], chunk=0),
            lambda queue: queue.enqueue_many([TWO[0]] * 10_001),
            lambda queue: queue.claim(0),
            lambda queue: queue.claim(-1),
            lambda queue: queue.claim(1, types="mail"),
            lambda queue: queue.ack("one"),  # type: ignore[arg-type] # as a user might
            lambda queue: queue.start_reclaimer(ZERO),
        ]

        for operation in refused:
            with pytest.raises(InvalidOption):
                operation(queue)

        assert everything(queue) == before
        assert [claim.job.id for claim in queue.claim(9)] == ["one"]

    def test_a_lease_that_is_no_lease_is_refused(self, queue: Queue) -> None:
        queue.enqueue("mail")
        claim = queue.dequeue()

        for lease in (ZERO, timedelta(-1), timedelta(days=366)):
            with pytest.raises(InvalidOption):
                queue.extend(claim, lease)

        assert queue.ack(claim)

    def test_a_closed_queue_says_so(self, queue: Queue, other: Queue) -> None:
        other.enqueue("mail", id="one")
        claim = queue.dequeue()
        queue.close()
        queue.close()

        operations: list[Operation] = [
            lambda queue: queue.enqueue("mail"),
            lambda queue: queue.enqueue_many(TWO[:1]),
            lambda queue: queue.dequeue(),
            lambda queue: queue.claim(1),
            lambda queue: queue.ack(claim),
            lambda queue: queue.ack_many([claim]),
            lambda queue: queue.nack(claim),
            lambda queue: queue.nack_many([claim]),
            lambda queue: queue.extend(claim),
            lambda queue: queue.release(claim),
            lambda queue: queue.reclaim(),
            lambda queue: queue.start_reclaimer(),
            lambda queue: queue.register_handler("mail", print),
            lambda queue: queue.start(),
            *NEEDS[Capability.BROWSE].values(),
            *NEEDS[Capability.REPLAY].values(),
            *NEEDS[Capability.DIAGNOSE].values(),
            *NEEDS[Capability.SCHEDULE].values(),
        ]
        for operation in operations:
            with pytest.raises(QueueClosed):
                operation(queue)

        assert other.ack(claim)

    def test_a_closed_backend_never_looks_empty(self, queue: Queue, hooks: Hooks) -> None:
        queue.enqueue("mail", id="one")
        hooks.queue_close()

        for now in (None, datetime.now(UTC)):
            with pytest.raises(BackendUnavailable):
                hooks.queue_claim(want=EVERYTHING, limit=1, lease=timedelta(1), worker="w", now=now)
            with pytest.raises(BackendUnavailable):
                hooks.queue_reclaim(limit=1, reason="expired", now=now)
        assert queue.dequeue().job.id == "one"
