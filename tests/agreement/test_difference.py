"""A store and memory, fed the same calls, answer the same: values, order and errors."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, ClassVar, TypeVar

import pytest
from attrs import evolve
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from gofastr_queue import DuplicateJob, Status
from gofastr_queue.backends import connect
from gofastr_queue.calls import resolve
from gofastr_queue.hookspecs import Hooks
from gofastr_queue.records import (
    EVERYTHING,
    Ack,
    Batch,
    Draft,
    JobQuery,
    Outcome,
    Release,
    Settled,
    StoredClaim,
    StoredError,
)
from gofastr_queue.testing import FakeClock
from gofastr_queue_conformance import Harness
from gofastr_queue_conformance.claiming import WANTS
from gofastr_queue_conformance.machine import Step, empty, run, step

Result = TypeVar("Result")

MICROSECOND = timedelta(microseconds=1)
SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)

IDS = st.sampled_from("mnopqr")
TYPES = st.sampled_from("abc")
LANES = st.sampled_from(["", "x", "y"])
SPANS = st.sampled_from([MICROSECOND, SECOND, HOUR])
TEXTS = st.sampled_from(["null", '{"a":[1.50]}', "no JSON \u20ac", ""])
LIMITS = st.none() | st.integers(1, 3)

DRAFTS = st.fixed_dictionaries(
    {"id": IDS, "type": TYPES, "payload": TEXTS, "headers": TEXTS, "lane": LANES},
    optional={
        "priority": st.integers(-1, 1),
        "max_attempts": st.integers(1, 3),
        "delay": st.just(timedelta(0)) | SPANS,
        "age": SPANS,
        "failed": st.integers(0, 2),
    },
)
QUERIES = st.fixed_dictionaries(
    {},
    optional={
        "ids": st.lists(IDS, max_size=4).map(tuple),
        "status": st.sampled_from(list(Status)),
        "type": TYPES,
        "lane": LANES,
        "age": SPANS,
        "limit": st.integers(1, 3),
    },
)
RELEASES = st.tuples(
    st.integers(0, 9),
    st.sampled_from(list(Outcome)),
    st.just(timedelta(0)) | SPANS,
    st.sampled_from(["", '["broken"]', "\u20ac '\"\\"]),
)

PUT = step(
    "put",
    given=st.lists(DRAFTS, min_size=1, max_size=4),
    on_conflict=st.sampled_from(["error", "ignore"]),
)
CLAIM = step(
    "claim", want=st.just(EVERYTHING) | st.sampled_from(WANTS), limit=st.integers(0, 3), lease=SPANS
)
TURN = step(
    "turn",
    acks=st.lists(st.integers(0, 9), max_size=2),
    releases=st.lists(RELEASES, max_size=3),
    want=st.just(EVERYTHING) | st.sampled_from(WANTS),
    limit=st.integers(0, 3),
    lease=SPANS,
)
SETTLE = step(
    "settle",
    acks=st.lists(st.integers(0, 9), max_size=2),
    releases=st.lists(RELEASES, min_size=1, max_size=3),
)
EXTEND = step("extend", picks=st.lists(st.integers(0, 9), max_size=3), lease=SPANS)
RECLAIM = step("reclaim", limit=st.integers(1, 4))
REPLAY = step("replay", given=QUERIES)
PURGE = step("purge", given=QUERIES)
BROWSE = step("browse", given=QUERIES)
ADVANCE = step("advance", by=SPANS)

STEPS = st.sampled_from(
    [
        *(PUT, PUT, PUT, CLAIM, CLAIM, CLAIM, CLAIM, TURN, TURN, SETTLE, SETTLE),
        *(EXTEND, RECLAIM, REPLAY, REPLAY, PURGE, BROWSE, ADVANCE, ADVANCE),
    ]
).flatmap(lambda drawn: drawn)


class DifferenceMachine(RuleBasedStateMachine):
    """The seams of two stores; tokens are each store's own, everything else is compared."""

    harness: ClassVar[Harness]

    def __init__(self) -> None:
        super().__init__()
        empty(self.harness)
        self.clock = FakeClock()
        self.pair: tuple[Hooks, Hooks] = (
            resolve(connect("memory://")).hooks,
            resolve(self.harness.open()).hooks,
        )
        self.claims: list[tuple[StoredClaim, StoredClaim]] = []

    def teardown(self) -> None:
        for hooks in self.pair:
            hooks.queue_close()

    @rule(step=STEPS)
    def go_on(self, step: Step) -> None:
        getattr(self, step.verb)(**step.given)

    def put(self, given: list[dict[str, Any]], on_conflict: str) -> None:
        drafts = [self._draft(**one) for one in given]

        def put(hooks: Hooks, _: int) -> object:
            try:
                return hooks.queue_put(drafts=drafts, on_conflict=on_conflict, now=self.clock.now())
            except DuplicateJob as error:
                return error.ids

        self._same(put)

    def claim(self, **given: Any) -> None:
        batches = self._both(
            lambda hooks, _: hooks.queue_claim(worker="w", now=self.clock.now(), **given)
        )
        self._remember(batches, given["limit"])

    def turn(self, acks: list[int], releases: list[Any], **given: Any) -> None:
        def turn(hooks: Hooks, which: int) -> tuple[Settled, Batch]:
            return hooks.queue_turn(
                acks=self._acks(acks, which),
                releases=self._releases(releases, which),
                worker="w",
                now=self.clock.now(),
                **given,
            )

        memory, stored = self._both(turn)
        assert _settled(memory[0]) == _settled(stored[0])
        self._remember((memory[1], stored[1]), given["limit"])

    def settle(self, acks: list[int], releases: list[Any]) -> None:
        def settle(hooks: Hooks, which: int) -> object:
            now = self.clock.now()
            acked = hooks.queue_ack(acks=self._acks(acks, which), now=now)
            released = hooks.queue_nack(releases=self._releases(releases, which), now=now)
            return _settled(Settled(tuple(acked), tuple(released)))

        self._same(settle)

    def extend(self, picks: list[int], lease: timedelta) -> None:
        def extend(hooks: Hooks, which: int) -> object:
            extended = hooks.queue_extend(
                claims=self._picked(picks, which), lease=lease, now=self.clock.now()
            )
            return [evolve(claim, token="") for claim in extended]

        self._same(extend)

    def reclaim(self, limit: int) -> None:
        def reclaim(hooks: Hooks, _: int) -> object:
            moved = hooks.queue_reclaim(limit=limit, reason="gone", now=self.clock.now())
            return sorted(moved, key=lambda job: job.id)

        self._same(reclaim)

    def replay(self, given: dict[str, Any]) -> None:
        query = self._query(**given)
        self._same(lambda hooks, _: sorted(hooks.queue_replay(query=query, now=self.clock.now())))

    def purge(self, given: dict[str, Any]) -> None:
        query = self._query(**given)
        self._same(lambda hooks, _: hooks.queue_purge(query=query))

    def browse(self, given: dict[str, Any]) -> None:
        query = self._query(**given)

        def browse(hooks: Hooks, _: int) -> object:
            page = hooks.queue_browse(query=query)
            pages = [page.jobs]
            while page.next:
                page = hooks.queue_browse(query=evolve(query, before=page.next))
                pages.append(page.jobs)
            return pages

        self._same(browse)

    def advance(self, by: timedelta) -> None:
        self.clock.advance(by)

    @invariant()
    def both_hold_the_same(self) -> None:
        self._same(lambda hooks, _: hooks.queue_browse(query=JobQuery()))
        self._same(
            lambda hooks, _: sorted(
                hooks.queue_stats(), key=lambda one: (one.status, one.lane, one.type)
            )
        )

    def _both(self, call: Callable[[Hooks, int], Result]) -> tuple[Result, Result]:
        return call(self.pair[0], 0), call(self.pair[1], 1)

    def _same(self, call: Callable[[Hooks, int], object]) -> None:
        memory, stored = self._both(call)
        assert memory == stored

    def _remember(self, batches: tuple[Batch, Batch], limit: int) -> None:
        memory, stored = ([evolve(claim, token="") for claim in batch.claims] for batch in batches)
        assert memory == stored
        if limit:  # a mere look may say "now" for a job that is due but unwanted
            assert _is_now(batches[0]) == _is_now(batches[1])
        self.claims += zip(batches[0].claims, batches[1].claims, strict=True)

    def _picked(self, picks: list[int], which: int) -> list[StoredClaim]:
        return [self.claims[-1 - pick][which] for pick in picks if pick < len(self.claims)]

    def _acks(self, picks: list[int], which: int) -> list[Ack]:
        return [Ack(claim) for claim in self._picked(picks, which)]

    def _releases(self, given: list[Any], which: int) -> list[Release]:
        return [
            Release(claim, *options)
            for pick, *options in given
            for claim in self._picked([pick], which)
        ]

    def _draft(
        self, *, age: timedelta | None = None, failed: int | None = None, **fields: Any
    ) -> Draft:
        now = self.clock.now()
        if failed is not None:
            fields |= {
                "status": Status.FAILED,
                "attempts": failed,
                "errors": tuple(StoredError(n + 1, now, "\u20ac") for n in range(failed)),
            }
        return Draft(created_at=None if age is None else now - age, **fields)

    def _query(self, *, age: timedelta | None = None, **fields: Any) -> JobQuery:
        return JobQuery(older_than=None if age is None else self.clock.now() - age, **fields)


def _settled(settled: Settled) -> tuple[list[str], list[tuple[str, Outcome]]]:
    return (
        [ack.claim.job.id for ack in settled.acks],
        [(release.claim.job.id, release.outcome) for release in settled.releases],
    )


def _is_now(batch: Batch) -> tuple[bool, bool]:
    """Tell what a claimer must know: whether to ask again at once, and whether ever."""
    return batch.next_due == timedelta(0), batch.next_due is None


@pytest.mark.parametrize(("store", "examples"), [("sqlite", 30), ("postgres", 20), ("redis", 30)])
def test_the_difference_machine_finds_none(
    store: str, examples: int, request: pytest.FixtureRequest
) -> None:
    harness = request.getfixturevalue(store)
    machine = type("Machine", (DifferenceMachine,), {"harness": harness})

    run(machine, examples=examples, steps=40)
