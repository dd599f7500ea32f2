"""``Worker``: a queue's worker as an object."""

from __future__ import annotations

import pytest

from gofastr_queue import Queue, QueueClosed, Worker
from gofastr_queue.job import JobError


def test_a_worker_runs_jobs_inside_its_block_and_closes_the_queue_at_its_end() -> None:
    queue = Queue.open("memory://")
    ran: list[str] = []
    queue.register_handler("work", lambda job: ran.append(job.lane))
    with Worker(queue, 1, lanes={"high": 1}):
        queue.enqueue("work")
        queue.enqueue("work", lane="high")
        assert queue.join(10)

    assert sorted(ran) == ["", "high"]
    with pytest.raises(QueueClosed):
        queue.enqueue("work")


def test_a_worker_is_started_and_stopped_by_hand_as_well() -> None:
    queue = Queue.open("memory://")
    ran: list[str] = []
    queue.register_handler("work", lambda job: ran.append(job.id))
    job = queue.enqueue("work")
    worker = Worker(queue, 1)
    worker.start()
    worker.stop()
    worker.stop()

    assert ran == [job.id]


def test_a_plain_handler_that_returns_a_coroutine_fails_and_says_what_to_register() -> None:
    kept: list[JobError] = []
    with Queue.open("memory://") as queue:

        async def tasked() -> None:
            """Never awaited: the function below is what was registered."""

        @queue.handler("work", max_attempts=1)
        def work() -> object:
            return tasked()

        job = queue.enqueue("work")
        queue.start(1)
        assert queue.join(10)
        stored = queue.get(job.id)
        assert stored is not None
        kept += stored.errors

    assert [error.kind for error in kept] == ["TypeError"]
    assert "register the async def function itself" in kept[0].message
