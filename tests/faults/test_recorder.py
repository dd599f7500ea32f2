"""What the recorder writes, and the history that is read from it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from tests.faults import effects, history
from tests.faults.checks import check
from tests.faults.effects import BEGAN, CANCELLED, DONE, Effects
from tests.faults.history import FOREVER, Op
from tests.faults.recorder import KIND, Recorder

from gofastr_queue import BackendUnavailable, Context, DuplicateJob, Queue
from gofastr_queue.testing import FakeClock
from gofastr_queue_conformance.watching import Outage, eventually

LEASE = timedelta(seconds=30)


def opened(folder: Path, *plugins: object) -> Queue:
    """Open a queue whose calls are recorded as other plugins let them come back."""
    url = f"sqlite:///{folder / 'jobs.db'}"
    return Queue.open(url, lease=LEASE, plugins=[*plugins, Recorder(folder)])


def ops(folder: Path, *kinds: str) -> list[Op]:
    return history.read(folder, {}).of(*kinds)


def test_each_call_becomes_an_operation_of_each_job(tmp_path: Path) -> None:
    with opened(tmp_path) as queue:
        ids = [queue.enqueue("t", priority=-n).id for n in range(3)]
        one, two, three = claims = queue.claim(3)
        queue.extend(one, timedelta(minutes=1))
        queue.ack(one)
        queue.ack(one)
        queue.nack(two, delay=timedelta(seconds=5))
        queue.release(three)
        queue.stats()

    claimed, acks, nacks = (ops(tmp_path, kind) for kind in ("claim", "ack", "nack"))
    assert [op.id for op in claimed] == ids
    assert [op.token for op in claimed] == [claim.token for claim in claims]
    assert {(op.attempt, op.lease) for op in claimed} == {(1, 30_000_000_000)}
    assert [(op.value, op.token) for op in acks] == [(True, one.token), (False, one.token)]
    assert [(op.outcome, op.delay) for op in nacks] == [("retry", 5 * 10**9), ("give back", 0)]
    assert [op.lease for op in ops(tmp_path, "extend")] == [60 * 10**9]
    assert [op.value for op in ops(tmp_path, "stats")] == [2]
    assert [op.priority for op in ops(tmp_path, "put")] == [0, -1, -2]
    assert all(op.invoked < op.ended < FOREVER for op in [*claimed, *acks, *nacks])


def test_what_is_replayed_and_what_expires_is_recorded(tmp_path: Path) -> None:
    clock = FakeClock()
    url = f"sqlite:///{tmp_path / 'jobs.db'}"
    with Queue.open(url, lease=LEASE, clock=clock, plugins=[Recorder(tmp_path)]) as queue:
        id = queue.enqueue("t", max_attempts=1).id
        queue.nack(queue.dequeue())
        queue.replay(id)
        queue.dequeue()
        clock.advance(LEASE)
        queue.reclaim()

    assert [(op.id, op.value) for op in ops(tmp_path, "replay")] == [(id, True)]
    (expired,) = ops(tmp_path, "reclaim")
    assert (expired.id, expired.attempt, expired.value) == (id, 1, "failed")
    assert check(history.read(tmp_path, {id: "failed"})) == []


def test_what_is_cancelled_is_recorded(tmp_path: Path) -> None:
    with opened(tmp_path) as queue:
        ids = [queue.enqueue("t").id for _ in range(2)]
        queue.cancel(ids[0])
        queue.cancel(ids[0])

    assert [(op.id, op.value) for op in ops(tmp_path, "purge")] == [(ids[0], True), (ids[0], False)]
    assert check(history.read(tmp_path, {ids[1]: "failed"})) == []


def test_a_worker_is_recorded_and_its_history_is_good(tmp_path: Path) -> None:
    done = Effects(tmp_path)
    with opened(tmp_path) as queue:

        @queue.handler("t")
        def run(context: Context) -> None:
            done.write(BEGAN, context.claim)
            done.write(DONE, context.claim)

        ids = {queue.enqueue("t").id for _ in range(20)}
        queue.start(2)
        eventually(lambda: not sum(queue.stats().values()), "all acked")

    found = history.read(tmp_path, {})
    assert {op.id for op in found.of("put")} == {op.id for op in found.of("ack")} == ids
    assert {effect.id for effect in found.effects if effect.done} == ids
    assert check(found) == []


def test_what_was_refused_did_not_happen_and_a_lost_reply_is_unknown(tmp_path: Path) -> None:
    outage = Outage(lost_reply=True)
    with opened(tmp_path, outage) as queue:
        queue.enqueue("t", id="a")
        with pytest.raises(DuplicateJob):
            queue.enqueue("t", id="a")
        outage.down = frozenset({"queue_put"})
        with pytest.raises(BackendUnavailable):
            queue.enqueue("t", id="b")

    puts = ops(tmp_path, "put")
    assert [(op.id, op.phase) for op in puts] == [("a", "ok"), ("a", "fail"), ("b", "info")]
    assert puts[-1].ended == FOREVER


def test_a_line_that_a_kill_tore_is_as_if_it_had_not_been_written(tmp_path: Path) -> None:
    with opened(tmp_path) as queue:
        queue.enqueue("t", id="a")
    (file,) = tmp_path.glob(f"{KIND}-*")
    file.write_bytes(file.read_bytes()[:-2])

    assert [(op.id, op.phase) for op in ops(tmp_path, "put")] == [("a", "info")]


def test_an_effect_that_was_cut_short_is_never_done(tmp_path: Path) -> None:
    written = Effects(tmp_path)
    with opened(tmp_path) as queue:
        queue.enqueue("t")
        claim = queue.dequeue()
    written.write(BEGAN, claim)
    written.write(CANCELLED, claim)

    (effect,) = effects.read(tmp_path)
    assert (effect.id, effect.token, effect.attempt) == (claim.job.id, claim.token, 1)
    assert effect.done is None
    assert effect.cancelled is not None
    assert effect.cancelled > effect.began
