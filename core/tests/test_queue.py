"""Opening a queue, and the rules that core adds to what a store does."""

from __future__ import annotations

import copy
from collections.abc import Generator, Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from gofastr_queue import (
    Backoff,
    Capability,
    DuplicateJob,
    InvalidJob,
    InvalidOption,
    InvalidPlugin,
    Job,
    Queue,
    QueueClosed,
    UnsupportedOperation,
    hookimpl,
)
from gofastr_queue.backends import Backend, connect
from gofastr_queue.limits import ATOMIC_BULK
from gofastr_queue.records import Put
from gofastr_queue.testing import FakeClock

MINUTE = timedelta(minutes=1)


def handle(_job: Job) -> None:
    """Do nothing."""


def test_a_queue_opens_when_its_backend_has_what_is_required() -> None:
    with Queue.open("memory://", requires={Capability.BROWSE, Capability.PRIORITY}) as queue:
        assert queue.capabilities >= {Capability.BROWSE, Capability.PRIORITY}


@pytest.mark.parametrize("required", [Capability.DURABLE, "durable"])
def test_a_queue_refuses_to_open_without_what_is_required(required: Any) -> None:
    with pytest.raises(
        UnsupportedOperation,
        match="backend 'memory' cannot open as required: it lacks the capability durable",
    ):
        Queue.open("memory://", requires={required})


def test_a_refused_queue_leaves_its_store_closed() -> None:
    with Queue.open("memory://refused") as first:
        first.enqueue("mail")
        with pytest.raises(UnsupportedOperation):
            Queue.open("memory://refused", requires={Capability.DURABLE})

    with Queue.open("memory://refused") as again:
        assert again.stats()["pending"] == 0


@pytest.mark.parametrize("required", ["warp", "", None, 5])
def test_a_capability_that_nobody_knows_is_refused_with_the_known_ones(required: Any) -> None:
    with pytest.raises(InvalidOption, match="durable"):
        Queue.open("memory://", requires={required})


OPTIONS: list[dict[str, Any]] = [
    {"lease": timedelta(0)},
    {"lease": timedelta(seconds=-1)},
    {"lease": 30},
    {"lease": timedelta(days=366)},
    {"backoff": timedelta(seconds=5)},
    {"backoff": 5},
    {"max_payload_bytes": 0},
    {"max_payload_bytes": "1024"},
    {"max_payload_depth": -1},
    {"max_payload_depth": True},
]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_a_bad_option_is_refused_before_the_store_is_touched(
    options: dict[str, Any], tmp_path: Path
) -> None:
    (name,) = options

    with pytest.raises(InvalidOption, match=f"{name} must be"):
        Queue.open(f"sqlite:///{tmp_path}/jobs.db", **options)

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_a_bad_option_is_refused_for_a_backend_of_ones_own_too(options: dict[str, Any]) -> None:
    backend = connect("memory://")

    with pytest.raises(InvalidOption):
        Queue(backend, **options)
    backend.queue_close()


def test_a_bad_plugin_closes_the_store_again() -> None:
    with Queue.open("memory://bad-plugin") as queue:
        queue.enqueue("mail")
        with pytest.raises(InvalidPlugin):
            Queue.open("memory://bad-plugin", plugins=[FakeClock])

    with Queue.open("memory://bad-plugin") as again:
        assert again.stats()["pending"] == 0


def test_a_queue_without_a_lease_takes_its_backends() -> None:
    with Queue.open("memory://") as queue:
        assert queue.lease == timedelta(minutes=5)
    with Queue.open("memory://", lease=MINUTE) as queue:
        assert queue.lease == MINUTE


def test_a_repr_says_which_backend_and_whether_it_is_open() -> None:
    queue = Queue.open("memory://")

    assert repr(queue) == "<Queue on memory, open>"
    queue.close()
    assert repr(queue) == "<Queue on memory, closed>"


VERBS: dict[str, tuple[Any, ...]] = {
    "enqueue": ("mail",),
    "enqueue_many": ([Job(type="mail")],),
    "dequeue": (),
    "claim": (1,),
    "ack_many": ([],),
    "nack_many": ([],),
    "reclaim": (),
    "start_reclaimer": (),
    "browse": (),
    "list_jobs": (),
    "get": ("1",),
    "stats": (),
    "counts": (),
    "replay": ("1",),
    "replay_many": (),
    "purge": ("failed",),
    "cancel": ("1",),
    "register_handler": ("mail", handle),
    "start": (),
    "join": (),
}


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_of_a_closed_queue_raises_queue_closed(queue: Queue, verb: str) -> None:
    queue.close()
    queue.close()

    with pytest.raises(QueueClosed, match="the queue is closed; open a new one"):
        getattr(queue, verb)(*VERBS[verb])


@pytest.mark.parametrize("verb", ["ack", "nack", "extend", "release"])
def test_a_claim_outlives_its_queue_as_queue_closed(queue: Queue, verb: str) -> None:
    queue.enqueue("mail")
    claim = queue.dequeue()
    queue.close()

    with pytest.raises(QueueClosed):
        getattr(queue, verb)(claim)


def test_a_handlers_max_attempts_are_the_default_at_enqueue(queue: Queue) -> None:
    queue.register_handler("mail", handle, max_attempts=7)

    jobs = queue.enqueue_many([Job(type="mail", max_attempts=0), Job(type="mail", max_attempts=2)])

    assert queue.enqueue("mail").max_attempts == 7
    assert queue.enqueue("mail", max_attempts=2).max_attempts == 2
    assert [job.max_attempts for job in jobs] == [7, 2]
    assert queue.enqueue("other").max_attempts == 3


def test_a_handlers_max_attempts_never_allow_more_than_the_job_has(queue: Queue) -> None:
    queue.register_handler("mail", handle, max_attempts=2)
    queue.enqueue("mail", max_attempts=5)

    queue.nack(queue.dequeue())
    queue.nack(queue.dequeue())

    assert queue.stats()["failed"] == 1


def test_a_handlers_backoff_goes_before_the_queues(clock: FakeClock) -> None:
    with Queue.open("memory://", clock=clock, backoff=Backoff(MINUTE)) as queue:
        queue.register_handler("mail", handle, backoff=Backoff(2 * MINUTE))
        for type in ("mail", "other"):
            id = queue.enqueue(type).id
            queue.nack(queue.dequeue(type))

            job = queue.get(id)
            assert job is not None
            assert job.scheduled_at == clock.now() + (2 if type == "mail" else 1) * MINUTE


class Puts:
    """Counts the drafts of each call to the store."""

    def __init__(self) -> None:
        self.sizes: list[int] = []

    @hookimpl(wrapper=True)
    def queue_put(self, drafts: Sequence[object]) -> Any:
        self.sizes.append(len(drafts))
        return (yield)


def test_more_than_ten_thousand_jobs_need_a_chunk(queue: Queue) -> None:
    jobs = [Job(type="mail")] * (ATOMIC_BULK + 1)

    with pytest.raises(InvalidOption, match=r"more than the 10000 jobs.*chunk=1000"):
        queue.enqueue_many(jobs)

    assert queue.stats()["pending"] == 0


def test_ten_thousand_jobs_go_in_one_step_and_more_in_chunks() -> None:
    puts = Puts()
    with Queue.open("memory://", plugins=[puts]) as queue:
        queue.enqueue_many([Job(type="mail")] * ATOMIC_BULK)
        jobs = queue.enqueue_many((Job(type="mail") for _ in range(10_001)), chunk=4_000)

        assert puts.sizes == [10_000, 4_000, 4_000, 2_001]
        assert len({job.id for job in jobs}) == 10_001
        assert queue.stats()["pending"] == 20_001


def test_a_chunk_is_taken_when_the_one_before_is_stored() -> None:
    with Queue.open("memory://") as queue:
        seen: list[int] = []

        def jobs() -> Iterator[Job]:
            for _ in range(7):
                seen.append(queue.stats()["pending"])
                yield Job(type="mail")

        assert len(queue.enqueue_many(jobs(), chunk=3)) == 7
        assert seen == [0, 0, 0, 3, 3, 3, 6]


@pytest.mark.parametrize("given", [None, "mail"])
def test_what_comes_after_ten_thousand_jobs_is_not_passed_over(queue: Queue, given: Any) -> None:
    with pytest.raises(InvalidOption, match=r"more than the 10000 jobs"):
        queue.enqueue_many([*[Job(type="mail")] * ATOMIC_BULK, given])


class Claims:
    """Sees how many jobs each step of a claim asks for."""

    def __init__(self) -> None:
        self.limits: list[int] = []

    @hookimpl(wrapper=True)
    def queue_claim(self, limit: int) -> Any:
        self.limits.append(limit)
        return (yield)


def test_a_claim_goes_in_steps_of_ten_thousand_until_nothing_more_is_there() -> None:
    claims = Claims()
    with Queue.open("memory://", plugins=[claims]) as queue:
        queue.enqueue_many((Job(type="mail") for _ in range(10_020)), chunk=10_000)

        assert len(queue.claim(10_000_000)) == 10_020
        assert claims.limits == [10_000, 10_000]
        assert queue.claim(15_000) == []
        assert claims.limits == [10_000, 10_000, 10_000]


def test_an_error_in_a_later_chunk_leaves_the_earlier_ones_stored(queue: Queue) -> None:
    jobs = [Job(type="mail", id=id) for id in ("1", "2", "3", "1")]

    with pytest.raises(DuplicateJob, match="already stored: '1'"):
        queue.enqueue_many(jobs, chunk=2)

    assert sorted(job.id for job in queue.list_jobs()) == ["1", "2"]


def test_no_jobs_at_all_are_stored_without_a_word(queue: Queue) -> None:
    assert queue.enqueue_many([]) == []
    assert queue.enqueue_many([], chunk=5) == []


@pytest.mark.parametrize("chunk", [0, -1, True, "5", 1.5])
def test_a_chunk_is_a_number_of_jobs(queue: Queue, chunk: Any) -> None:
    with pytest.raises(InvalidOption, match="chunk must be an integer"):
        queue.enqueue_many([Job(type="mail")], chunk=chunk)


def test_what_the_store_fills_is_not_taken_from_a_given_job(queue: Queue) -> None:
    queue.enqueue("mail", max_attempts=1)
    queue.nack(queue.dequeue())
    (failed,) = queue.list_jobs("failed")

    (again,) = queue.enqueue_many([Job(type="mail", status=failed.status, attempts=9, worker="w")])

    assert (again.status, again.attempts, again.worker) == ("pending", 0, "")


def test_one_job_that_is_none_stores_nothing(queue: Queue) -> None:
    bad: Any = [Job(type="mail"), {"type": "mail"}]

    with pytest.raises(InvalidJob, match=r"a job to enqueue must be a Job, got {'type': 'mail'}"):
        queue.enqueue_many(bad)

    assert queue.stats()["pending"] == 0


def test_a_transaction_on_a_backend_without_them_is_unsupported(queue: Queue) -> None:
    with pytest.raises(
        UnsupportedOperation,
        match=r"backend 'memory' cannot enqueue in a transaction: .* capability transactional",
    ):
        queue.enqueue("mail", transaction=object())

    assert queue.stats()["pending"] == 0


@pytest.mark.parametrize(
    ("capability", "jobs"),
    [
        (Capability.ATOMIC_BULK, [Job(type="mail")] * 2),
        (Capability.PRIORITY, [Job(type="mail", priority=1)]),
    ],
)
def test_what_a_backend_cannot_do_is_refused_and_the_rest_works(
    capability: Capability, jobs: list[Job]
) -> None:
    backend: Any = connect("memory://")
    backend.capabilities = backend.capabilities - {capability}
    lesser: Backend = backend

    with Queue(lesser) as queue:
        with pytest.raises(UnsupportedOperation, match=f"lacks the capability {capability}"):
            queue.enqueue_many(jobs)

        assert queue.enqueue("mail").priority == 0
        assert len(queue.enqueue_many([Job(type="mail")] * 2, chunk=1)) == 2


@pytest.mark.parametrize("payload", [{"to": "ann"}, {"to": ["ann"]}], ids=["flat", "nested"])
def test_what_a_producer_changes_later_is_in_no_job(payload: dict[str, Any]) -> None:
    with Queue.open("memory://") as queue:
        jobs = [
            queue.enqueue("mail", payload),
            *queue.enqueue_many([Job(type="mail", payload=payload)]),
        ]
        as_it_was = copy.deepcopy(payload)
        payload["to"] = "bob"

        assert [job.payload for job in jobs] == [as_it_was, as_it_was]
        jobs[0].payload["to"] = "eve"
        assert [claim.job.payload for claim in queue.claim(2)] == [as_it_was, as_it_was]


class Redacting:
    """Shows producers a job without what they gave."""

    @hookimpl(wrapper=True)
    def queue_put(self) -> Generator[None, list[Put], list[Put]]:
        puts = yield
        return [evolve(put, job=evolve(put.job, payload='"redacted"')) for put in puts]


def test_a_job_is_given_back_as_a_wrapper_shows_it() -> None:
    with Queue.open("memory://", plugins=[Redacting()]) as queue:
        assert queue.enqueue("mail", {"to": "ann"}).payload == "redacted"


def test_a_job_that_was_there_before_is_given_back_as_stored() -> None:
    with Queue.open("memory://") as queue:
        queue.enqueue("mail", {"to": "ann"}, id="1")

        again = queue.enqueue("mail", {"to": "bob"}, id="1", on_conflict="ignore")

        assert again.payload == {"to": "ann"}
