"""Bad input on a real store: the named error, what it says, and that nothing has changed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gofastr_queue import Claim, InvalidJob, InvalidOption, Job, Queue
from gofastr_queue.testing import FakeClock

MINUTE = timedelta(minutes=1)
DIGITS = 10**5_000
NAN = float("nan")


@pytest.fixture(params=["memory://", "sqlite:///{}/jobs.db"])
def queue(request: pytest.FixtureRequest, tmp_path: Path, clock: FakeClock) -> Iterator[Queue]:
    """A queue with a pending, a claimed and a failed job, that a test must leave as it is."""
    with Queue.open(request.param.format(tmp_path), clock=clock) as queue:
        queue.enqueue("mail", id="failed", max_attempts=1)
        queue.nack(queue.dequeue(), "no")
        queue.enqueue("mail", id="claimed")
        queue.dequeue()
        queue.enqueue("mail", id="pending")
        before = (queue.stats(), queue.list_jobs())
        yield queue
        assert (queue.stats(), queue.list_jobs()) == before


def case(says: str, **fields: Any) -> Any:
    """Name a bad field and what its error says."""
    (name,) = list(fields)[:1]
    value = fields[name]
    shown = "5 000 digits" if value is DIGITS else ascii(value)[:30]
    return pytest.param(fields, says, id=f"{name} {shown}")


BAD_FIELDS = [
    case("payload.*bytes.*base64", payload=b"x"),
    case(
        r"payload\['at'\] is a datetime.*isoformat",
        payload={"at": datetime(2026, 1, 1, tzinfo=UTC)},
    ),
    case("payload.*tuple.*give a list", payload=(1, 2)),
    case("payload is a set", payload={1}),
    case("payload has the key 1; keys", payload={1: 1}),
    case("payload is not JSON", payload=NAN),
    case("payload is not JSON", payload=float("inf")),
    case("lone surrogate", payload="\ud800"),
    case("lone surrogate", payload={"\ud800": 1}),
    case("262145 bytes of JSON, the limit is 262144", payload="x" * (256 * 1024 - 1)),
    case("payload", payload=DIGITS),
    case("type must not be empty", type=""),
    case("type has 256 characters, the limit is 255", type="x" * 256),
    case("type holds a control character", type="a\nb"),
    case("type holds a control character or lone surrogate", type="\ud800"),
    case("type must be text, got 5", type=5),
    case("type must be text, got None", type=None),
    case("lane has 256 characters", lane="x" * 256),
    case("lane holds a control character", lane="\x00"),
    case("lane must be text, got None", lane=None),
    case("id has 256 characters", id="x" * 256),
    case("id holds a control character", id="\x1b[31m"),
    case("id must be text, got 5", id=5),
    case("id must be text, got None", id=None),
    case("priority must be between -2147483648 and 2147483647, got 2147483648", priority=2**31),
    case("priority must be between", priority=-(2**31) - 1),
    case("priority must be", priority=DIGITS),
    case("priority must be an integer, got True", priority=True),
    case("priority must be an integer, got False", priority=False),
    case("priority must be an integer, got '5'", priority="5"),
    case("priority must be an integer, got 0.0", priority=0.0),
    case("priority must be an integer, got None", priority=None),
    case("max_attempts must be between 0 and 2147483647, got -1", max_attempts=-1),
    case("max_attempts must be an integer, got True", max_attempts=True),
    case("max_attempts must be an integer, got False", max_attempts=False),
    case("max_attempts must be an integer, got '5'", max_attempts="5"),
    case("max_attempts must be an integer, got ''", max_attempts=""),
    case("max_attempts must be an integer, got None", max_attempts=None),
    case("scheduled_at '2026-01-01T00:00:00' is naive", scheduled_at=datetime(2026, 1, 1)),  # noqa: DTZ001 - the bad input
    case("scheduled_at '1969.*outside the years", scheduled_at=datetime(1969, 12, 31, tzinfo=UTC)),
    case("scheduled_at '9999.*outside the years", scheduled_at=datetime(9999, 12, 31, tzinfo=UTC)),
    case("scheduled_at must be an aware datetime, got 0", scheduled_at=0),
]

BAD_ENQUEUES = [
    *BAD_FIELDS,
    case("delay must be between 0 and 3650 days, got -1 day", delay=timedelta(days=-1)),
    case("delay must be between 0 and 3650 days", delay=timedelta(days=3651)),
    case("delay must be a timedelta, got 5", delay=5),
    case(
        "give delay or scheduled_at, not both",
        delay=MINUTE,
        scheduled_at=datetime(2030, 1, 1, tzinfo=UTC),
    ),
]


@pytest.mark.parametrize(("fields", "says"), BAD_ENQUEUES)
def test_a_bad_job_is_not_enqueued(queue: Queue, fields: dict[str, Any], says: str) -> None:
    with pytest.raises(InvalidJob, match=says):
        queue.enqueue(**({"type": "mail"} | fields))


@pytest.mark.parametrize(("fields", "says"), BAD_FIELDS)
def test_a_bad_job_among_good_ones_stores_none(
    queue: Queue, fields: dict[str, Any], says: str
) -> None:
    bad = Job(**({"type": "mail"} | fields))

    with pytest.raises(InvalidJob, match=says):
        queue.enqueue_many([Job(type="mail"), bad, Job(type="mail")])


@pytest.mark.parametrize("headers", [{"a": 5}, {5: "a"}, {"a": "\ud800"}, {"a": NAN}, 5, ["a"]])
def test_headers_that_are_no_texts_by_name_are_refused(queue: Queue, headers: Any) -> None:
    with pytest.raises(InvalidJob, match="headers"):
        queue.enqueue_many([Job(type="mail", headers=headers)])


@pytest.mark.parametrize("on_conflict", ["replace", "", None, True, "ERROR", ["error"]])
def test_an_unknown_on_conflict_is_refused(queue: Queue, on_conflict: Any) -> None:
    with pytest.raises(InvalidOption, match="on_conflict must be 'error' or 'ignore', got"):
        queue.enqueue("mail", on_conflict=on_conflict)


@pytest.mark.parametrize(
    "claim", ["claimed", None, 5, Job(type="mail", id="claimed"), ("claimed",)]
)
@pytest.mark.parametrize("verb", ["ack", "nack", "extend", "release"])
def test_only_a_claim_can_be_settled(queue: Queue, verb: str, claim: Any) -> None:
    with pytest.raises(InvalidOption, match="settle a Claim, as dequeue or claim gave it; got"):
        getattr(queue, verb)(claim)


@pytest.mark.parametrize("claims", [["claimed"], "claimed", [None]])
@pytest.mark.parametrize("verb", ["ack_many", "nack_many"])
def test_only_claims_can_be_settled_together(queue: Queue, verb: str, claims: Any) -> None:
    with pytest.raises(InvalidOption, match="settle a Claim"):
        getattr(queue, verb)(claims)


def test_a_claim_of_another_job_or_queue_changes_nothing(queue: Queue, clock: FakeClock) -> None:
    stranger = Claim(Job(type="mail", id="claimed"), "0" * 32, clock.now())
    hostile = Claim(Job(type="mail", id="x' OR 1=1 --"), "' OR ''='", clock.now())
    empty = Claim(Job(type="mail", id="pending"), "", clock.now())

    for claim in (stranger, hostile, empty):
        assert not queue.ack(claim)
        assert not queue.nack(claim)
        assert not queue.extend(claim)
        assert not queue.release(claim)


@pytest.mark.parametrize(
    ("verb", "arguments", "says"),
    [
        ("nack", {"delay": timedelta(-1)}, "delay must be"),
        ("nack", {"delay": 5}, "delay must be a timedelta, got 5"),
        ("extend", {"lease": timedelta(0)}, "lease must be positive.*got '0:00:00'"),
        ("extend", {"lease": timedelta(-1)}, "lease must be positive"),
        ("extend", {"lease": 30}, "lease must be a timedelta, got 30"),
    ],
)
def test_a_bad_argument_leaves_the_claim_as_it_is(
    queue: Queue, clock: FakeClock, verb: str, arguments: dict[str, Any], says: str
) -> None:
    claim = Claim(Job(type="mail", id="claimed"), "token", clock.now())

    with pytest.raises((InvalidJob, InvalidOption), match=says):
        getattr(queue, verb)(claim, **arguments)


@pytest.mark.parametrize(
    "arguments",
    [
        {"types": "mail"},
        {"lanes": "high"},
        {"types": [5]},
        {"types": [b"mail"]},
        {"types": [None]},
        {"types": [[]]},
        {"types": ["\ud800"]},
        {"lanes": [5]},
        {"lanes": ["\ud800"]},
        {"types": None},
        {"types": 5},
    ],
    ids=ascii,
)
def test_what_to_claim_is_named_in_collections_of_text(
    queue: Queue, arguments: dict[str, Any]
) -> None:
    (field,) = arguments

    with pytest.raises((InvalidJob, InvalidOption), match=field.removesuffix("s")):
        queue.claim(1, **arguments)


@pytest.mark.parametrize(
    "limit", [0, -1, True, "1", 1.5, None, 2**31, pytest.param(DIGITS, id="D")]
)
def test_a_claims_limit_is_a_positive_integer(queue: Queue, limit: Any) -> None:
    with pytest.raises(InvalidOption, match="limit must be an integer of at least 1"):
        queue.claim(limit)


@pytest.mark.parametrize("status", ["dead", "Pending", "scheduled", None, 5])
@pytest.mark.parametrize("verb", ["browse", "list_jobs", "purge"])
def test_an_unknown_status_is_refused_with_the_known_ones(
    queue: Queue, verb: str, status: Any
) -> None:
    with pytest.raises(ValueError, match=r"unknown status .*'pending', 'claimed', 'failed'"):
        getattr(queue, verb)(status)


@pytest.mark.parametrize("before", ["x", "-1", "1.5", "1; DROP", "²", 5, "9" * 30, "9" * 5_000])
def test_a_cursor_that_no_page_gave_is_refused(queue: Queue, before: Any) -> None:
    with pytest.raises(InvalidOption, match="before must be a cursor"):
        queue.browse(before=before)


@pytest.mark.parametrize("limit", ["5", None, 1.5, True, 2**31, NAN])
def test_a_pages_limit_is_an_integer(queue: Queue, limit: Any) -> None:
    with pytest.raises(InvalidOption, match="limit must be an integer"):
        queue.browse(limit=limit)


@pytest.mark.parametrize(
    "arguments",
    [
        {"type": ""},
        {"type": 5},
        {"lane": "\ud800"},
        {"older_than": timedelta(-1)},
        {"older_than": "1h"},
        {"older_than": timedelta(days=4_000)},
        {"limit": 0},
        {"limit": "5"},
        {"limit": True},
    ],
    ids=ascii,
)
@pytest.mark.parametrize("verb", ["purge", "replay_many"])
def test_a_bad_filter_touches_no_job(queue: Queue, verb: str, arguments: dict[str, Any]) -> None:
    (field,) = arguments
    status = ("failed",) if verb == "purge" else ()

    with pytest.raises((InvalidJob, InvalidOption), match=field):
        getattr(queue, verb)(*status, **arguments)


def test_claimed_jobs_are_not_purged(queue: Queue) -> None:
    with pytest.raises(InvalidOption, match="claimed jobs are not purged; purge 'pending' or"):
        queue.purge("claimed")


@pytest.mark.parametrize("id", ["", "x" * 256, "a\nb", "\ud800", 5, None])
@pytest.mark.parametrize("verb", ["get", "replay", "cancel"])
def test_a_bad_id_is_refused(queue: Queue, verb: str, id: Any) -> None:
    with pytest.raises(InvalidJob, match="id "):
        getattr(queue, verb)(id)


@pytest.mark.parametrize(
    "id", ["' OR 1=1 --", '"; DROP TABLE queue_jobs; --', "%", "pending%", "*"]
)
def test_a_hostile_id_is_only_an_unknown_one(queue: Queue, id: str) -> None:
    assert queue.get(id) is None
    assert queue.replay(id) is False
    assert queue.cancel(id) is False
    assert queue.claim(5, types=[id]) == []
    assert queue.purge("", type=id) == 0
    assert queue.purge("", lane=id) == 0
