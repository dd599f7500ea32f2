"""After each of many random operations the redundant keys of a queue agree with each other."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, ClassVar

import pytest
from hypothesis.stateful import invariant
from plugins.redis.tests.audit import audit, names
from redis import Redis
from tests.agreement.test_difference import DifferenceMachine
from tests.servers.redis import Address
from tests.servers.redis_tools import connected

from gofastr_queue.calls import resolve
from gofastr_queue.hookspecs import Hooks
from gofastr_queue.records import (
    EVERYTHING,
    Ack,
    Draft,
    JobQuery,
    Outcome,
    Release,
    Settled,
    StoredClaim,
)
from gofastr_queue_conformance import Harness
from gofastr_queue_conformance.machine import run
from gofastr_queue_redis import address
from gofastr_queue_redis.scripts import key

MINUTE = timedelta(minutes=1)

DAMAGES = {
    "a head of a line that is empty": ("ZADD", "heads", 0, "7fffffff000000000001\0none\0"),
    "a line without its head": ("ZREMRANGEBYRANK", "heads", 0, 0),
    "a head that is not the best": ("ZREMRANGEBYRANK", "ready", 0, 0),
    "a ready job twice": ("ZADD", "ready", 0, "\0t\x007fffffff000000000009ready"),
    "a ready job nowhere": ("DEL", "ready"),
    "a later job nowhere": ("DEL", "later"),
    "a claim without an end": ("DEL", "leases"),
    "jobs without a place": ("DEL", "places"),
    "a job that is gone, but its state": ("HDEL", "jobs", "claimed"),
    "a state of nobody": ("HSET", "state", "nobody", "p"),
    "errors of nobody": ("HSET", "errors", "nobody", "1\x00000000000000000001\0x\0"),
    "an error by half": ("HSET", "errors", "failed", "1\0"),
    "a body by half": ("HSET", "jobs", "ready", "\0t\0"),
    "a state by half": ("HSET", "state", "failed", "f\x001"),
    "a claimed job without a token": ("HDEL", "state", "claimed"),
    "places that will be given again": ("SET", "seq", "1"),
    "a score": ("ZADD", "ready", 1, "\0t\x007fffffff000000000001ready"),
    "two entries of the bell": ("XADD", "bell", "*", "rung", ""),
}


@pytest.fixture
def name(redis: Harness) -> str:
    return address.read(redis.url, None, None).name


@pytest.fixture
def client(redis_server: Address) -> Iterator[Redis]:
    with connected(redis_server) as client:
        yield client


@pytest.fixture
def hooks(redis: Harness) -> Iterator[Hooks]:
    hooks = resolve(redis.open()).hooks
    yield hooks
    hooks.queue_close()


def claim_one(hooks: Hooks, **drafted: Any) -> StoredClaim:
    draft = Draft(**{"type": "t", "payload": "null"} | drafted)
    hooks.queue_put(drafts=[draft], on_conflict="error", now=None)
    batch = hooks.queue_claim(want=EVERYTHING, limit=1, lease=MINUTE, worker="w", now=None)
    return batch.claims[0]


@pytest.mark.parametrize("damage", DAMAGES)
def test_the_audit_notices(hooks: Hooks, client: Redis, name: str, damage: str) -> None:
    failed = Release(claim_one(hooks, id="failed"), Outcome.BURY, error="x")
    hooks.queue_nack(releases=[failed], now=None)
    claim_one(hooks, id="claimed", priority=1)
    drafts = [
        Draft(id="ready", type="t", payload="null"),
        Draft(id="second", type="t", payload="null", priority=-1),
        Draft(id="later", type="t", payload="null", delay=MINUTE),
    ]
    hooks.queue_put(drafts=drafts, on_conflict="error", now=None)
    assert audit(client, name) == []
    command, kind, *arguments = DAMAGES[damage]

    execute: Any = client.execute_command
    execute(command, key(name, str(kind)), *arguments)

    assert audit(client, name) != []


class AuditMachine(DifferenceMachine):
    """The machine that compares with memory; here the keys are read as well."""

    client: ClassVar[Redis]
    name: ClassVar[str]

    def __init__(self) -> None:
        super().__init__()
        self.bulks = 0

    def put(self, given: list[dict[str, Any]], on_conflict: str) -> None:
        super().put(given, on_conflict)
        if len(given) == 4:  # a bulk is written in another way
            self.bulks += 1
            bulk = [given[number % 4] | {"id": f"{self.bulks}-{number}"} for number in range(24)]
            for draft in bulk:
                draft.pop("failed", None)
            super().put(bulk, on_conflict)

    @invariant()
    def every_key_agrees_with_the_others(self) -> None:
        assert audit(self.client, self.name, self.latest()) == []
        keys = set(self.client.keys(f"{{{self.name}}}:*"))
        assert keys <= names(self.name)
        assert {self.client.ttl(key) for key in keys} <= {-1}

    def latest(self) -> datetime | None:
        """Return the latest moment so far, as far as it is known."""
        return self.clock.now()


class RewindingMachine(AuditMachine):
    """As before, but every third time the clock goes back."""

    def __init__(self) -> None:
        super().__init__()
        self.steps = 0

    def advance(self, by: timedelta) -> None:
        self.steps += 1
        self.clock.advance(by if self.steps % 3 else -by)

    def latest(self) -> None:
        return None


@pytest.mark.parametrize(("machine", "examples"), [(AuditMachine, 24), (RewindingMachine, 8)])
def test_every_key_agrees_with_the_others_after_each_operation_and_memory_does_the_same(
    redis: Harness, client: Redis, name: str, machine: type[AuditMachine], examples: int
) -> None:
    given = {"harness": redis, "client": client, "name": name}

    run(type("Machine", (machine,), given), examples=examples, steps=40)


@pytest.mark.parametrize("outcome", list(Outcome))
@pytest.mark.parametrize("turn", [False, True])
def test_a_claim_that_one_call_acks_and_releases_is_acked(
    hooks: Hooks, client: Redis, name: str, outcome: Outcome, turn: bool
) -> None:
    claim = claim_one(hooks, id="a")
    acks, releases = (Ack(claim),), (Release(claim, outcome, error="x"),)

    settled, batch = hooks.queue_turn(
        acks=acks,
        releases=releases,
        want=EVERYTHING,
        limit=int(turn),
        lease=MINUTE,
        worker="w",
        now=None,
    )

    assert (settled, batch.claims) == (Settled(acks), ())
    assert hooks.queue_browse(query=JobQuery()).jobs == ()
    assert audit(client, name) == []


@pytest.mark.parametrize("id", ["a", "nobody"])
def test_a_lease_of_a_job_that_is_not_claimed_is_let_go(
    hooks: Hooks, client: Redis, name: str, id: str
) -> None:
    claim = claim_one(hooks, id="a")
    hooks.queue_nack(releases=[Release(claim, Outcome.RETRY)], now=None)
    client.zadd(key(name, "leases"), {f"{0:018}{1:012x}{id}": 0})

    assert hooks.queue_reclaim(limit=10, reason="gone", now=None) == []
    assert audit(client, name) == []
