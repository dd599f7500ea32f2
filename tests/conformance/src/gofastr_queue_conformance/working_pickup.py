"""How soon an idle worker starts a job."""

from __future__ import annotations

import threading
import time
from datetime import timedelta
from functools import partial

from gofastr_queue import Job, Queue
from gofastr_queue.capabilities import Capability
from gofastr_queue_conformance.watching import Hire, Told, Worked, eventually

LATE = 0.15
"""Three times how late an idle worker may start a delayed job, in seconds."""

POLL = 20.0
"""A poll interval that no case has the patience for: something else must find the job."""

Due = tuple[float, float]


class PickupContract(Worked):
    """Idle workers start what falls due in time, and what is enqueued promptly."""

    def test_a_worker_starts_delayed_jobs_that_it_found_waiting_in_time_and_never_early(
        self, producer: Queue, hire: Hire
    ) -> None:
        worker = hire()
        started: dict[str, float] = {}
        worker.register_handler("later", lambda job: started.update({job.id: _now()}))
        due = dict(_delayed(producer, delay) for delay in (0.2, 0.3, 0.4, 0.5, 0.6))
        worker.start(2, poll=POLL)
        eventually(lambda: len(started) == 5, "the delayed jobs")

        _assert_in_time(due, started)

    def test_an_idle_worker_starts_delayed_jobs_that_came_later_in_time_and_never_early(
        self, producer: Queue, hire: Hire
    ) -> None:
        worker = hire()
        started: dict[str, float] = {}
        worker.register_handler("later", lambda job: started.update({job.id: _now()}))
        due: dict[str, Due] = {}
        worker.start(2, poll=1 if Capability.WAKE in worker.capabilities else 0.05)
        for count in range(1, 4):
            time.sleep(0.15)  # the worker is idle, and would look again in 0.85 s
            due |= [_delayed(producer, 0.15)]
            eventually(partial(_has, started, count), "the delayed job")

        _assert_in_time(due, started)

    def test_an_idle_worker_starts_a_retry_when_its_backoff_has_passed(
        self, producer: Queue, hire: Hire
    ) -> None:
        told = Told()
        worker = hire(plugins=[told])
        due: list[float] = []
        started: list[float] = []
        worker.register_handler("work", lambda: started.append(_now()))
        for number in range(3):  # apart, so that a stall of the store's disk hits one
            delay = 0.2 + 0.2 * number
            producer.enqueue("work")
            claim = producer.dequeue("work")
            assert producer.nack(claim, "not yet", delay=timedelta(seconds=delay))
            due.append(_now() + delay)
        worker.start(1, poll=POLL)
        eventually(lambda: len(told.finished) == 3, "the retries")

        late = sorted(start - moment for start, moment in zip(started, due, strict=True))
        assert late[1] <= LATE, f"seconds late: {late}"

    def test_an_idle_worker_starts_what_is_enqueued_beside_it(
        self, producer: Queue, hire: Hire
    ) -> None:
        worker = hire()
        waited: list[float] = []
        ran = threading.Semaphore(0)

        def work(job: Job) -> None:
            waited.append(_now() - job.payload)
            ran.release()

        worker.register_handler("work", work)
        worker.start(2, poll=POLL if Capability.WAKE in worker.capabilities else 0.05)
        for _ in range(5):
            time.sleep(0.07)  # the worker is idle again
            producer.enqueue("work", _now())
            assert ran.acquire(timeout=POLL / 2), "the enqueue was not noticed"

        assert sorted(waited)[2] <= 0.3, f"seconds waited: {waited}"

    def test_a_worker_takes_back_expired_leases_by_itself(
        self, producer: Queue, hire: Hire
    ) -> None:
        told = Told()
        worker = hire(plugins=[told], lease=timedelta(seconds=0.3))
        vanished = hire(lease=timedelta(seconds=0.3))
        attempts: list[int] = []
        worker.register_handler("work", lambda job: attempts.append(job.attempts))
        twice = producer.enqueue("work", max_attempts=2)
        once = producer.enqueue("work", max_attempts=1)
        assert len(vanished.claim(2)) == 2
        worker.start(1, reclaim_interval=0.1)
        eventually(lambda: told.finished and told.buried, "both taken back")

        assert (told.finished, attempts) == ([twice.id], [2])
        assert told.buried == [once.id]


def _delayed(queue: Queue, delay: float) -> tuple[str, Due]:
    """Enqueue a delayed job; return its id, and between which moments it falls due."""
    before = _now()
    job = queue.enqueue("later", delay=timedelta(seconds=delay))
    return job.id, (before + delay, _now() + delay)


def _assert_in_time(due: dict[str, Due], started: dict[str, float]) -> None:
    late = sorted(started[id] - latest for id, (_, latest) in due.items())
    assert all(started[id] >= earliest for id, (earliest, _) in due.items())
    assert late[len(late) // 2] <= LATE, f"seconds late: {late}"


def _has(started: dict[str, float], count: int) -> bool:
    return len(started) == count


def _now() -> float:
    return time.monotonic()
