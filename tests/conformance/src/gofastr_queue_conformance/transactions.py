"""Transactions: a job and the caller's own data are stored together, or neither is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest

from gofastr_queue import Capability, DuplicateJob, InvalidJob, Job, NoJob, Queue
from gofastr_queue.hookspecs import Hooks
from gofastr_queue.testing import FakeClock
from gofastr_queue_conformance.harness import Contract, Harness, lacks
from gofastr_queue_conformance.storing import Listener
from gofastr_queue_conformance.waking import Waiter

Begin = Callable[[], Any]


class TransactionsContract(Contract):
    """Promise 8: the caller's open transaction carries the enqueue."""

    @pytest.fixture
    def begin(self, queue: Queue, harness: Harness) -> Iterator[Begin]:
        """Begin transactions; what is left open is rolled back at the end."""
        connections: list[Any] = []

        def begin() -> Any:
            if harness.begin is None:
                pytest.fail("a backend that declares TRANSACTIONAL gives the harness a 'begin'")
            connections.append(harness.begin())
            return connections[-1]

        assert queue is not None
        yield begin
        for connection in connections:
            connection.close()

    def test_a_job_is_there_after_the_commit_and_not_before(
        self, queue: Queue, other: Queue, begin: Begin
    ) -> None:
        if lacks(queue, Capability.TRANSACTIONAL):
            return
        connection = begin()

        job = queue.enqueue("mail", {"n": 1}, id="one", transaction=connection)
        for reader in (queue, other):
            with pytest.raises(NoJob):
                reader.dequeue()
            if not lacks(queue, Capability.BROWSE):
                assert reader.get("one") is None
                assert reader.stats()["pending"] == 0
        connection.commit()

        if not lacks(queue, Capability.BROWSE):
            assert other.get("one") == job
        assert other.dequeue().job.payload == {"n": 1}

    def test_a_rollback_leaves_nothing_and_frees_the_id(self, queue: Queue, begin: Begin) -> None:
        if lacks(queue, Capability.TRANSACTIONAL):
            return
        connection = begin()
        jobs = [Job(type="mail", id="one"), Job(type="mail", id="two")]

        queue.enqueue_many(jobs, transaction=connection)
        connection.rollback()

        assert queue.claim(5) == []
        assert queue.enqueue("mail", id="one").id == "one"

    def test_the_callers_row_and_the_job_share_one_fate(self, queue: Queue, begin: Begin) -> None:
        if lacks(queue, Capability.TRANSACTIONAL):
            return
        connection = begin()
        connection.cursor().execute("CREATE TABLE business (number INTEGER)")
        connection.commit()

        for end in ("rollback", "commit"):
            connection = begin()
            connection.cursor().execute("INSERT INTO business VALUES (1)")
            queue.enqueue("mail", transaction=connection)
            getattr(connection, end)()

            (stored,) = _query(begin(), "SELECT count(*) FROM business")
            assert len(queue.claim(5)) == stored == (end == "commit")

    def test_a_duplicate_leaves_the_transaction_usable(self, queue: Queue, begin: Begin) -> None:
        if lacks(queue, Capability.TRANSACTIONAL):
            return
        queue.enqueue("mail", "first", id="taken")
        connection = begin()

        queue.enqueue("mail", id="before", transaction=connection)
        with pytest.raises(DuplicateJob) as caught:
            queue.enqueue_many(
                [Job(type="mail", id="new"), Job(type="mail", id="taken")], transaction=connection
            )
        kept = queue.enqueue("mail", id="taken", on_conflict="ignore", transaction=connection)
        queue.enqueue("mail", id="after", transaction=connection)
        connection.commit()

        assert caught.value.ids == ("taken",)
        assert kept.payload == "first"
        assert [claim.job.id for claim in queue.claim(9)] == ["taken", "before", "after"]

    def test_a_job_of_the_same_transaction_is_a_duplicate_too(
        self, queue: Queue, begin: Begin
    ) -> None:
        if lacks(queue, Capability.TRANSACTIONAL):
            return
        connection = begin()
        queue.enqueue("mail", "first", id="one", transaction=connection)

        with pytest.raises(DuplicateJob):
            queue.enqueue("mail", "second", id="one", transaction=connection)
        connection.commit()

        assert [claim.job.payload for claim in queue.claim(5)] == ["first"]

    def test_a_refused_job_leaves_the_transaction_usable(self, queue: Queue, begin: Begin) -> None:
        if lacks(queue, Capability.TRANSACTIONAL):
            return
        connection = begin()

        with pytest.raises(InvalidJob):
            queue.enqueue_many([Job(type="mail"), Job(type="")], transaction=connection)
        queue.enqueue("mail", id="one", transaction=connection)
        connection.commit()

        assert [claim.job.id for claim in queue.claim(5)] == ["one"]

    def test_what_is_no_transaction_is_refused(self, queue: Queue) -> None:
        if lacks(queue, Capability.TRANSACTIONAL):
            return
        for nonsense in (object(), "BEGIN", 1):
            with pytest.raises(ValueError, match="transaction"):
                queue.enqueue("mail", transaction=nonsense)
        assert queue.claim(1) == []

    def test_observers_are_not_told_of_what_may_be_rolled_back(
        self, harness: Harness, begin: Begin, clock: FakeClock
    ) -> None:
        listener = Listener()
        with Queue(harness.open(), clock=clock, plugins=[listener]) as queue:
            if lacks(queue, Capability.TRANSACTIONAL):
                return
            connection = begin()
            queue.enqueue("mail", transaction=connection)
            connection.commit()

        assert listener.ids == []

    def test_a_commit_ends_a_wait(self, queue: Queue, hooks: Hooks, begin: Begin) -> None:
        if lacks(queue, Capability.TRANSACTIONAL, Capability.WAKE):
            return
        connection = begin()
        queue.enqueue("mail", transaction=connection)
        waiter = Waiter(hooks)

        connection.commit()

        assert waiter.ended()


def _query(connection: Any, statement: str) -> tuple[Any, ...]:
    with closing(connection):
        cursor = connection.cursor()
        cursor.execute(statement)
        row: tuple[Any, ...] = cursor.fetchone()
        return row
