"""The end of a worker: join, close, and signals."""

from __future__ import annotations

import asyncio
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from types import FrameType

import pytest

from gofastr_queue import Context, Job, Queue, QueueClosed
from gofastr_queue.capabilities import Capability
from gofastr_queue.errors import InvalidOption, UnsupportedOperation
from gofastr_queue_conformance.harness import put
from gofastr_queue_conformance.watching import Hire, Told, Worked, eventually, left

BLOCKED = 20.0


class JoiningContract(Worked):
    """Join waits until nothing is ready or claimed."""

    def test_join_returns_when_every_ready_job_is_done(self, producer: Queue, hire: Hire) -> None:
        worker = hire()
        done: list[str] = []

        @worker.handler("work")
        def work(job: Job) -> None:
            time.sleep(0.02)
            done.append(job.id)

        put(producer, *(Job(type="work") for _ in range(10)))
        producer.enqueue("work", delay=timedelta(hours=1))
        worker.start(2)
        if Capability.BROWSE not in worker.capabilities:
            with pytest.raises(UnsupportedOperation):
                worker.join(10)
            return

        assert worker.join(10) is True
        assert len(done) == 10
        assert worker.stats() == {"pending": 1, "claimed": 0, "failed": 0}

    def test_join_is_false_while_a_job_is_claimed_or_waits(
        self, producer: Queue, hire: Hire
    ) -> None:
        if Capability.BROWSE not in producer.capabilities:
            return  # the case before shows the refusal
        worker = hire()
        producer.enqueue("work")
        waiting = worker.join(0.05)
        claim = producer.dequeue()
        claimed = worker.join(timedelta(seconds=0.05))
        producer.ack(claim)

        assert (waiting, claimed) == (False, False)
        assert worker.join(0) is True

    def test_join_waits_for_retries_that_are_ready_at_once(
        self, producer: Queue, hire: Hire
    ) -> None:
        if Capability.BROWSE not in producer.capabilities:
            return  # the first case shows the refusal
        worker = hire()
        runs: list[int] = []

        @worker.handler("fails")
        def fail(job: Job) -> None:
            runs.append(job.attempts)
            raise ValueError

        put(producer, *(Job(type="fails", max_attempts=4) for _ in range(5)))
        worker.start(2)

        assert worker.join(10) is True
        assert len(runs) == 20
        assert worker.stats() == {"pending": 0, "claimed": 0, "failed": 5}


class ClosingContract(Worked):
    """Close stops claiming, gives back what has not started, waits for what runs."""

    def test_close_waits_for_running_handlers_and_settles_them(
        self, producer: Queue, hire: Hire
    ) -> None:
        told = Told()
        worker = hire(plugins=[told])
        ended: list[str] = []

        @worker.handler("plain")
        def plain(job: Job) -> None:
            time.sleep(0.15)
            ended.append(job.type)

        @worker.handler("tasked")
        async def tasked(job: Job) -> None:
            await asyncio.sleep(0.15)
            ended.append(job.type)

        @worker.handler("fails")
        def fail() -> None:
            time.sleep(0.15)
            raise ValueError

        for type in ("plain", "tasked", "fails"):
            producer.enqueue(type, max_attempts=1)
        worker.start(2)
        eventually(lambda: len(told.started) == 3, "three running handlers")
        worker.close(timeout=10)

        assert sorted(ended) == ["plain", "tasked"]
        assert (len(told.finished), len(told.buried)) == (2, 1)
        assert producer.reclaim() == 0
        assert left(producer) == {}

    def test_close_gives_back_what_has_not_started_with_its_attempts(
        self, producer: Queue, hire: Hire
    ) -> None:
        worker = hire()
        survives = outlives_its_process(worker)
        running = threading.Event()
        done: list[str] = []

        @worker.handler("work")
        def work(job: Job) -> None:
            if job.payload == "last":
                running.set()
                time.sleep(0.15)
            done.append(job.id)

        put(producer, *(Job(type="work") for _ in range(300)))  # quick: claimed ahead
        producer.enqueue("work", "last")
        waiting = put(producer, *(Job(type="work") for _ in range(50)))
        worker.start(1)
        eventually(running.is_set, "the last handler")
        worker.close(timeout=10)

        if survives:
            assert len(done) == 301
            assert left(producer) == {job.id: 0 for job in waiting}
        else:  # what a crash would lose is worked off first
            assert len(done) == 351
            assert left(producer) == {}

    def test_a_store_that_ends_with_its_process_is_worked_off_only_as_long_as_close_may_take(
        self, producer: Queue, hire: Hire
    ) -> None:
        if outlives_its_process(producer):
            return  # nothing is lost, so nothing is worked off
        worker = hire()
        worker.register_handler("work", lambda: time.sleep(0.1))
        put(producer, *(Job(type="work") for _ in range(200)))
        worker.start(1)
        began = time.monotonic()
        worker.close(timeout=0.5)

        assert time.monotonic() - began < 5
        assert len(left(producer)) >= 150

    def test_close_tells_handlers_to_stop_when_its_time_is_over(
        self, producer: Queue, hire: Hire
    ) -> None:
        told = Told()
        worker = hire(plugins=[told])
        cancelled: list[bool] = []

        @worker.handler("long")
        def long(context: Context) -> None:
            cancelled.append(context.wait(timedelta(seconds=BLOCKED)))

        producer.enqueue("long")
        worker.start(1)
        eventually(lambda: told.started, "the start")
        began = time.monotonic()
        worker.close(timeout=0.15)
        took = time.monotonic() - began
        eventually(lambda: cancelled, "the handler's end")

        assert cancelled == [True]
        assert 0.15 <= took < BLOCKED / 2

    def test_close_cancels_async_handlers_when_its_time_is_over(
        self, producer: Queue, hire: Hire
    ) -> None:
        told = Told()
        worker = hire(plugins=[told])
        cleaned: list[bool] = []

        @worker.handler("long")
        async def long(context: Context) -> None:
            try:
                await asyncio.sleep(BLOCKED)
            finally:
                cleaned.append(context.cancelled)

        producer.enqueue("long")
        worker.start(1, concurrency=1)
        eventually(lambda: told.started, "the start")
        worker.close(timeout=0.15)
        eventually(lambda: cleaned, "the handler's clean-up")

        assert cleaned == [True]

    def test_close_is_repeatable_and_every_later_call_says_that_the_queue_is_closed(
        self, producer: Queue, hire: Hire
    ) -> None:
        worker = hire()
        worker.register_handler("work", lambda: None)
        producer.enqueue("work")
        claim = worker.dequeue()
        worker.start(1)
        closers = [threading.Thread(target=worker.close) for _ in range(3)]
        for closer in closers:
            closer.start()
        for closer in closers:
            closer.join()
        worker.close()

        later: list[Callable[[], object]] = [
            lambda: worker.enqueue("work"),
            lambda: worker.enqueue_many([Job(type="work")]),
            worker.dequeue,
            lambda: worker.claim(1),
            lambda: worker.ack(claim),
            lambda: worker.nack(claim),
            lambda: worker.extend(claim),
            lambda: worker.release(claim),
            worker.reclaim,
            worker.start_reclaimer,
            worker.list_jobs,
            lambda: worker.get(claim.job.id),
            worker.stats,
            worker.counts,
            lambda: worker.replay(claim.job.id),
            worker.replay_many,
            lambda: worker.purge("failed"),
            lambda: worker.cancel(claim.job.id),
            worker.start,
            worker.join,
            lambda: worker.register_handler("more", lambda: None),
        ]
        for call in later:
            with pytest.raises(QueueClosed):
                call()
        assert producer.ack(claim)

    def test_closing_one_queue_leaves_another_on_the_same_store_at_work(
        self, producer: Queue, hire: Hire
    ) -> None:
        told = Told()
        staying, leaving = hire(plugins=[told]), hire()
        for worker in (staying, leaving):
            worker.register_handler("work", lambda: None)
            worker.start(1)
        leaving.close(timeout=5)
        job = producer.enqueue("work")
        eventually(lambda: told.finished, "the job after the close")

        assert told.finished == [job.id]


class SignalsContract(Worked):
    """``run`` works until a signal, then closes in peace."""

    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
    def test_run_finishes_what_runs_at_a_signal_and_gives_the_signals_back(
        self, producer: Queue, hire: Hire, number: signal.Signals
    ) -> None:
        told = Told()
        worker = hire(plugins=[told])
        started: list[str] = []
        done: list[str] = []

        @worker.handler("work")
        def work(job: Job) -> None:
            started.append(job.id)
            if len(started) == 2:
                signal.raise_signal(number)
            time.sleep(0.5)  # until the main thread has noticed, on a busy machine too
            done.append(job.id)

        jobs = put(producer, *(Job(type="work") for _ in range(10)))
        with _survived(number) as survived:
            worker.run(2, grace=10)
            assert signal.getsignal(number) is survived

        assert sorted(done) == sorted(told.finished)
        if outlives_its_process(worker):
            assert len(done) == 2
        untouched = {job.id for job in jobs} - set(done)
        assert left(producer) == dict.fromkeys(untouched, 0)
        with pytest.raises(QueueClosed):
            worker.enqueue("work")

    def test_run_outside_the_main_thread_is_refused(self, hire: Hire) -> None:
        worker = hire()
        refused: list[BaseException] = []

        def run() -> None:
            try:
                worker.run(1)
            except InvalidOption as error:
                refused.append(error)

        thread = threading.Thread(target=run)
        thread.start()
        thread.join(BLOCKED)

        assert "main thread" in str(refused[0])

    def test_a_second_start_is_refused_and_changes_nothing(
        self, producer: Queue, hire: Hire
    ) -> None:
        told = Told()
        worker = hire(plugins=[told])
        worker.register_handler("work", lambda: None)
        worker.start(1)
        with pytest.raises(InvalidOption, match="runs already"):
            worker.start(1)
        producer.enqueue("work")
        eventually(lambda: told.finished, "the first worker's work")

        assert len(told.finished) == 1


def outlives_its_process(queue: Queue) -> bool:
    """Tell whether somebody else can do what a process leaves."""
    return bool(queue.capabilities & {Capability.DURABLE, Capability.MULTI_PROCESS})


@contextmanager
def _survived(number: signal.Signals) -> Iterator[Callable[[int, FrameType | None], None]]:
    """Outlive a signal that ``run`` fails to take, so that only the case fails."""

    def outlive(_number: int, _frame: FrameType | None) -> None:
        pytest.fail(f"run did not take {number.name}")

    before = signal.signal(number, outlive)
    try:
        yield outlive
    finally:
        signal.signal(number, before)
