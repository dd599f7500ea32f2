"""Storing: what is enqueued is there, once, as it was given."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gofastr_queue import Capability, DuplicateJob, Job, NoJob, Queue, Status, hookimpl
from gofastr_queue.hookspecs import Hooks
from gofastr_queue.payload import MAX_BYTES, MAX_DEPTH, to_json
from gofastr_queue.records import EVERYTHING, Draft, JobQuery, StoredError
from gofastr_queue.testing import FakeClock
from gofastr_queue_conformance.harness import Contract, Harness, everything, ids, lacks, put

HOUR = timedelta(hours=1)


def nested(depth: int) -> object:
    """Return lists within lists, ``depth`` of them."""
    value: object = []
    for _ in range(depth - 1):
        value = [value]
    return value


PAYLOADS: dict[str, object] = {
    "null": None,
    "true": True,
    "zero": 0,
    "a float that is whole": 1.0,
    "minus zero": -0.0,
    "the sum that is not 0.3": 0.1 + 0.2,
    "the smallest float": 5e-324,
    "the largest float": 1.7976931348623157e308,
    "past 53 bits": 2**53 + 1,
    "past 64 bits": -(2**64) - 1,
    "a thousand digits": 10**1000 + 7,
    "empty text": "",
    "NUL inside": "a\x00b",
    "every control character": "".join(map(chr, range(32))) + "\x7f\x80\u2028\u2029",
    "composed": "caf\u00e9",
    "decomposed": "cafe\u0301",
    "beyond the basic plane": "\U0001f600 \U0010ffff \ufffe",
    "looks like JSON": '{"a": [1, null]}',
    "looks like SQL": "'; DROP TABLE queue_jobs; --",
    "looks like a script": "{0} %s $1 :name ?1 {{x}} \\u0041 \\",
    "empty list": [],
    "empty object": {},
    "keys that differ in form only": {"\u00e9": 1, "e\u0301": 2, "": 3, "\x00": 4},
    "key order": {"b": 1, "a": 2, "10": 3, "9": 4},
    "mixed": [1, 1.0, True, "1", None, [[]], {"a": {}}],
    "64 deep": nested(MAX_DEPTH),
    "256 KiB": "x" * (MAX_BYTES - 2),
    "256 KiB of wide characters": "\u20ac" * ((MAX_BYTES - 2) // 3),
}

NAMES = (
    "'",
    '"',
    "`",
    "\\",
    "''",
    "a'b\"c",
    "'; DROP TABLE queue_jobs; --",
    "x' OR '1'='1",
    "%",
    "_",
    "*",
    "?",
    "[a-z]",
    "{}",
    "{x}",
    "{{x}}",
    "}{",
    "$1",
    ":id",
    "%s",
    "a:b",
    "a:b:c",
    "a,b",
    "a b",
    " a",
    "a ",
    "a",
    "A",
    "\u00e4",
    "a\u0308",
    "null",
    "None",
    "0",
    "00",
    "0.0",
    "1e3",
    "-1",
    "../../x",
    "pending",
    "\u202eabc",
    "\U0001f600" * 255,
    "y" * 255,
)
"""Names that stores have stumbled over; as types, lanes and ids they are only names."""

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner, max_size=4)
    ),
    max_leaves=12,
)


class Listener:
    """An observer that remembers which jobs it was told of."""

    def __init__(self) -> None:
        self.ids: list[str] = []

    @hookimpl
    def jobs_enqueued(self, jobs: Sequence[Job]) -> None:
        """Remember."""
        self.ids += [job.id for job in jobs]


class StoringContract(Contract):
    """Promises 1, 7 and 8 as far as one caller sees them."""

    def test_a_stored_job_is_what_was_given(self, queue: Queue, clock: FakeClock) -> None:
        if lacks(queue, Capability.BROWSE):
            return
        later = clock.now() + HOUR

        given = queue.enqueue(
            "mail", {"to": "a"}, id="one", lane="fast", scheduled_at=later, max_attempts=7
        )

        assert given == Job(
            type="mail",
            id="one",
            payload={"to": "a"},
            lane="fast",
            max_attempts=7,
            created_at=clock.now(),
            scheduled_at=later,
        )
        assert queue.get("one") == given

    def test_what_is_not_given_has_the_defaults(self, queue: Queue, clock: FakeClock) -> None:
        job = queue.enqueue("mail")

        assert (job.payload, job.lane, job.priority, job.max_attempts) == (None, "", 0, 3)
        assert (job.status, job.attempts, job.errors) == (Status.PENDING, 0, ())
        assert job.created_at == job.scheduled_at == clock.now()
        assert (job.worker, job.lease_until) == ("", None)

    def test_jobs_without_an_id_are_given_distinct_ones(self, queue: Queue) -> None:
        made = [queue.enqueue("mail").id for _ in range(20)]

        assert all(made)
        assert len(set(made)) == 20

    def test_max_attempts_of_zero_means_three(self, queue: Queue) -> None:
        assert put(queue, Job(type="mail", max_attempts=0))[0].max_attempts == 3
        assert queue.dequeue().job.max_attempts == 3

    @pytest.mark.parametrize(
        "moment",
        [
            datetime(1970, 1, 1, tzinfo=UTC),
            datetime(1999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
            datetime(2026, 3, 29, 2, 30, 0, 1, tzinfo=timezone(timedelta(hours=5, minutes=45))),
            datetime(9000, 1, 1, tzinfo=UTC),
        ],
    )
    def test_given_times_are_kept_to_the_microsecond(self, queue: Queue, moment: datetime) -> None:
        (job,) = put(queue, Job(type="mail", created_at=moment, scheduled_at=moment))

        assert (job.created_at, job.scheduled_at) == (moment, moment)
        assert everything(queue) in ([], [job])

    def test_a_delay_counts_from_the_stores_own_now(self, harness: Harness) -> None:
        with Queue(harness.open()) as queue:
            job = queue.enqueue("mail", delay=HOUR)

            assert job.created_at is not None
            assert job.scheduled_at == job.created_at + HOUR
            with pytest.raises(NoJob):
                queue.dequeue()

    @pytest.mark.parametrize("status", ["pending", "claimed", "failed"])
    def test_a_taken_id_is_refused_and_changes_nothing(self, queue: Queue, status: str) -> None:
        _bring_to(queue, status)
        before = everything(queue)

        with pytest.raises(DuplicateJob) as caught:
            queue.enqueue("other", "second", id="one", lane="x")

        assert caught.value.ids == ("one",)
        assert everything(queue) == before

    @pytest.mark.parametrize("status", ["pending", "claimed", "failed"])
    def test_ignoring_a_conflict_returns_the_first_as_it_is(
        self, queue: Queue, status: str
    ) -> None:
        _bring_to(queue, status)
        before = everything(queue)

        kept = queue.enqueue("other", "second", id="one", lane="x", on_conflict="ignore")

        assert (kept.type, kept.payload, kept.lane, kept.status) == ("mail", "first", "", status)
        assert before in ([], [kept])
        assert everything(queue) == before

    def test_an_acked_jobs_id_is_free_again(self, queue: Queue) -> None:
        queue.enqueue("mail", "first", id="one")
        queue.ack(queue.dequeue())

        queue.enqueue("mail", "second", id="one")

        assert queue.dequeue().job.payload == "second"

    def test_a_bulk_with_a_taken_id_at_its_end_stores_nothing(self, queue: Queue) -> None:
        if lacks(queue, Capability.ATOMIC_BULK):
            return
        queue.enqueue("mail", id="taken")
        jobs = [Job(type="mail", id=f"new-{number}") for number in range(500)]

        with pytest.raises(DuplicateJob) as caught:
            queue.enqueue_many([*jobs, Job(type="mail", id="taken")])

        assert caught.value.ids == ("taken",)
        assert "'taken'" in str(caught.value)
        assert queue.dequeue().job.id == "taken"
        with pytest.raises(NoJob):
            queue.dequeue()

    def test_an_id_repeated_within_a_bulk_conflicts_with_itself(self, queue: Queue) -> None:
        if lacks(queue, Capability.ATOMIC_BULK):
            return
        jobs = [Job(type="mail", id=id, payload=n) for n, id in enumerate(["a", "b", "a"])]

        with pytest.raises(DuplicateJob) as caught:
            queue.enqueue_many(jobs)
        nothing = queue.claim(10)
        kept = queue.enqueue_many(jobs, on_conflict="ignore")

        assert caught.value.ids == ("a",)
        assert nothing == []
        assert [(job.id, job.payload) for job in kept] == [("a", 0), ("b", 1), ("a", 0)]
        assert [claim.job.payload for claim in queue.claim(10)] == [0, 1]

    def test_ignoring_conflicts_stores_the_others(self, queue: Queue) -> None:
        if lacks(queue, Capability.ATOMIC_BULK):
            return
        queue.enqueue("mail", "first", id="b")

        jobs = [Job(type="mail", id=id, payload="second") for id in "abc"]
        kept = queue.enqueue_many(jobs, on_conflict="ignore")

        assert [job.payload for job in kept] == ["second", "first", "second"]
        assert [claim.job.id for claim in queue.claim(10)] == ["b", "a", "c"]

    def test_a_bulk_returns_its_jobs_in_order(self, queue: Queue) -> None:
        given = [Job(type="mail", id=f"{number}", payload=number) for number in range(300)]

        stored = put(queue, *given)

        assert ids(stored) == ids(given)
        assert [claim.job.payload for claim in queue.claim(300)] == list(range(300))

    def test_an_empty_bulk_stores_nothing(self, queue: Queue) -> None:
        assert queue.enqueue_many([]) == []
        assert queue.claim(1) == []

    def test_a_put_tells_of_each_draft_whether_it_is_new(
        self, queue: Queue, hooks: Hooks, clock: FakeClock
    ) -> None:
        if lacks(queue, Capability.ATOMIC_BULK):
            return
        queue.enqueue("mail", id="b")

        puts = hooks.queue_put(
            drafts=[Draft(id, "mail", "null") for id in ("a", "b", "c", "a")],
            on_conflict="ignore",
            now=clock.now(),
        )

        assert [(put.job.id, put.new) for put in puts] == [
            ("a", True),
            ("b", False),
            ("c", True),
            ("a", False),
        ]

    def test_an_imported_dead_letter_is_one(
        self, queue: Queue, hooks: Hooks, clock: FakeClock
    ) -> None:
        if lacks(queue, Capability.BROWSE, Capability.REPLAY):
            return
        errors = tuple(StoredError(n, clock.now() - HOUR, f"error {n}") for n in (1, 2))
        draft = Draft(
            "one",
            "mail",
            "null",
            created_at=clock.now() - 2 * HOUR,
            status=Status.FAILED,
            attempts=2,
            errors=errors,
        )

        (put_,) = hooks.queue_put(drafts=[draft], on_conflict="error", now=clock.now())

        (stored,) = hooks.queue_browse(query=JobQuery(status=Status.FAILED)).jobs
        assert stored == put_.job
        assert (stored.attempts, stored.errors) == (2, errors)
        assert stored.created_at == clock.now() - 2 * HOUR
        assert queue.claim(1) == []
        assert queue.replay("one")
        assert queue.dequeue().job.attempts == 1

    @pytest.mark.parametrize("payload", PAYLOADS.values(), ids=PAYLOADS.keys())
    def test_a_payload_comes_back_equal(self, queue: Queue, payload: object) -> None:
        returned = queue.enqueue("mail", payload, id="one").payload
        claimed = queue.dequeue().job.payload

        for back in [returned, claimed, *(job.payload for job in everything(queue))]:
            assert to_json(back) == to_json(payload)
            assert repr(back) == repr(payload)  # 1, 1.0 and True are equal but not the same

    @settings(
        max_examples=30,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=[
            HealthCheck.function_scoped_fixture,
            HealthCheck.differing_executors,
        ],
    )
    @given(payloads=st.lists(JSON, min_size=1, max_size=8))
    def test_any_payload_comes_back_equal(self, queue: Queue, payloads: list[object]) -> None:
        put(queue, *(Job(type="mail", payload=payload) for payload in payloads))

        claims = queue.claim(100)
        queue.ack_many(claims)

        assert [repr(claim.job.payload) for claim in claims] == [repr(one) for one in payloads]

    @pytest.mark.parametrize(
        "text",
        [
            '{ "a" : 1.50, "a": 2 }',
            "no JSON: \x01\x7f \u20ac \U0001f600",
            "gAAAAABm=='\"\\",
            "",
            " \n ",
        ],
        ids=["written otherwise", "not JSON", "encrypted", "empty", "blank"],
    )
    def test_payload_and_headers_are_text_that_a_store_does_not_read(
        self, hooks: Hooks, clock: FakeClock, text: str
    ) -> None:
        draft = Draft("one", "mail", text, headers=text)

        (stored,) = hooks.queue_put(drafts=[draft], on_conflict="error", now=clock.now())
        (claim,) = hooks.queue_claim(
            want=EVERYTHING, limit=1, lease=HOUR, worker="w", now=clock.now()
        ).claims

        assert (stored.job.payload, stored.job.headers) == (text, text)
        assert (claim.job.payload, claim.job.headers) == (text, text)

    def test_hostile_ids_are_only_ids(self, queue: Queue) -> None:
        put(queue, *(Job(type="mail", id=name, payload=name) for name in NAMES))

        assert [claim.job.id for claim in queue.claim(100)] == list(NAMES)
        if not lacks(queue, Capability.BROWSE):
            found = [queue.get(name) for name in NAMES]
            assert [job and job.payload for job in found] == list(NAMES)

    def test_hostile_types_and_lanes_are_only_names(self, queue: Queue) -> None:
        pairs = list(zip(NAMES, reversed(NAMES), strict=True))
        put(queue, *(Job(type=type, lane=lane, payload=[type, lane]) for type, lane in pairs))

        if not lacks(queue, Capability.BROWSE):
            assert [queue.list_jobs(type=type)[0].lane for type, _ in pairs] == [
                lane for _, lane in pairs
            ]
            assert {len(queue.list_jobs(lane=lane)) for _, lane in pairs} == {1}
        for type, lane in pairs:
            (claim,) = queue.claim(100, types=[type], lanes=[lane])
            assert claim.job.payload == [type, lane]

    def test_composed_and_decomposed_names_are_two(self, queue: Queue) -> None:
        composed, decomposed = (unicodedata.normalize(form, "\u00e9") for form in ("NFC", "NFD"))

        queue.enqueue(composed, id=composed, lane=composed)
        queue.enqueue(decomposed, id=decomposed, lane=decomposed)

        assert queue.dequeue(decomposed, lane=decomposed).job.id == decomposed
        assert queue.dequeue(composed, lane=composed).job.id == composed

    def test_another_opening_of_the_store_shows_the_same(
        self, harness: Harness, clock: FakeClock
    ) -> None:
        first = Queue(harness.open(), clock=clock)
        put(first, *(Job(type="mail", id=id, payload=id) for id in "abcd"))
        first.enqueue("mail", id="later", delay=HOUR)
        claims = {claim.job.id: claim for claim in first.claim(3)}
        first.nack(claims["a"], "broken", delay=HOUR)
        before = everything(first)
        durable = not lacks(first, Capability.DURABLE)
        if durable:
            first.close()

        with Queue(harness.open(), clock=clock) as second:
            assert everything(second) == before
            assert second.ack(claims["b"])
            assert [claim.job.id for claim in second.claim(10)] == ["d"]
            clock.advance(HOUR)
            assert [claim.job.id for claim in second.claim(10)] == ["a", "c", "d", "later"]
        first.close()

    def test_observers_learn_of_new_jobs_only(self, harness: Harness, clock: FakeClock) -> None:
        listener = Listener()
        with Queue(harness.open(), clock=clock, plugins=[listener]) as queue:
            queue.enqueue("mail", id="a")
            queue.enqueue("mail", id="a", on_conflict="ignore")
            put(queue, Job(type="mail", id="b"), Job(type="mail", id="c"))
            with pytest.raises(DuplicateJob):
                queue.enqueue("mail", id="b")

        assert listener.ids == ["a", "b", "c"]


def _bring_to(queue: Queue, status: str) -> None:
    """Store the job "one" and bring it to ``status``."""
    queue.enqueue("mail", "first", id="one", max_attempts=1)
    if status != "pending":
        claim = queue.dequeue()
        if status == "failed":
            queue.nack(claim, "broken")
