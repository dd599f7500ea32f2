"""Carrying: payloads and names come back exactly as they were given."""

from __future__ import annotations

import unicodedata
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gofastr_queue import Capability, Job, Queue, Unreadable
from gofastr_queue.hookspecs import Hooks
from gofastr_queue.payload import MAX_BYTES, MAX_DEPTH, to_json
from gofastr_queue.records import EVERYTHING, Draft
from gofastr_queue.testing import FakeClock
from gofastr_queue_conformance.harness import Contract, everything, lacks, put, put_unreadable

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


class CarryingContract(Contract):
    """A store changes nothing of what it is given."""

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

    def test_what_cannot_be_read_is_buried_and_its_neighbours_are_served(
        self, queue: Queue, hooks: Hooks, clock: FakeClock
    ) -> None:
        queue.enqueue("mail", id="a")
        put_unreadable(hooks, clock.now(), "b")
        queue.enqueue("mail", id="c")

        claims = queue.claim(3)

        assert [claim.job.id for claim in claims] == ["a", "c"]
        assert queue.claim(3) == []
        if not lacks(queue, Capability.BROWSE):
            (buried,) = queue.list_jobs("failed")
            assert (buried.id, buried.errors[-1].kind) == ("b", "CorruptJob")
            assert isinstance(buried.payload, Unreadable)

    def test_an_unreadable_head_does_not_hide_the_next_job(
        self, queue: Queue, hooks: Hooks, clock: FakeClock
    ) -> None:
        put_unreadable(hooks, clock.now(), "a", "b")
        queue.enqueue("mail", id="c")

        assert queue.dequeue().job.id == "c"
