"""The memory backend's options and names: how many dead letters it keeps, and who shares it."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any, cast

import pytest

from gofastr_queue import BackendUnavailable, Capability, InvalidOption, NoJob, Queue
from gofastr_queue_memory import MemoryBackend, connect


def bury(queue: Queue, *ids: str) -> None:
    """Let jobs of these ids fail for good."""
    for id in ids:
        queue.enqueue("mail", id=id, max_attempts=1)
        queue.nack(queue.dequeue(), "no")


def dead(queue: Queue) -> list[str]:
    return [job.id for job in queue.list_jobs("failed", limit=2_000)]


@pytest.mark.parametrize("cap", [-1, True, "5", 1.5, float("nan"), [5]])
def test_a_cap_is_an_integer_from_zero(cap: Any) -> None:
    with pytest.raises(InvalidOption, match="dead_letter_cap must"):
        Queue.open("memory://", dead_letter_cap=cap)


@pytest.mark.parametrize("cap", ["abc", "-1", "1.5", "", "²", "0x10", "9" * 5_000])
def test_a_cap_in_the_url_is_a_number(cap: str) -> None:
    with pytest.raises(InvalidOption, match="dead_letter_cap must be a number of jobs"):
        connect(f"memory://?dead_letter_cap={cap}")


def test_a_bad_cap_leaves_no_store_behind() -> None:
    with pytest.raises(InvalidOption):
        Queue.open("memory://bad-cap", dead_letter_cap=-1)

    with Queue.open("memory://bad-cap", dead_letter_cap=1) as queue:
        bury(queue, "1", "2")

        assert dead(queue) == ["2"]


@pytest.mark.parametrize(
    "queue",
    [
        Queue.open("memory://?dead_letter_cap=2"),
        Queue.open("memory://", dead_letter_cap=2),
        Queue.open("memory://?dead_letter_cap=7", dead_letter_cap=2),
        Queue(cast(Any, MemoryBackend(dead_letter_cap=2))),
    ],
    ids=["url", "keyword", "both", "backend"],
)
def test_beyond_the_cap_the_oldest_dead_letter_goes_with_a_warning(
    queue: Queue, caplog: pytest.LogCaptureFixture
) -> None:
    with queue, caplog.at_level(logging.WARNING, "gofastr_queue.memory"):
        bury(queue, "1", "2", "3")

        assert dead(queue) == ["3", "2"]

    assert [(vars(one)["job"], vars(one)["evicted"]) for one in caplog.records] == [("1", 1)]


def test_a_cap_of_zero_keeps_no_dead_letter() -> None:
    backend: Any = MemoryBackend(0)
    with Queue(backend) as queue:
        bury(queue, "1", "2")

        assert queue.stats() == {"pending": 0, "claimed": 0, "failed": 0}
        assert backend.evicted == 2


def test_without_a_cap_a_thousand_are_kept() -> None:
    backend: Any = MemoryBackend()
    with Queue(backend) as queue:
        bury(queue, *(str(number) for number in range(1_003)))

        assert queue.stats()["failed"] == 1_000
        assert backend.evicted == 3
        assert dead(queue)[-1] == "3"


def test_a_name_is_shared_until_its_last_queue_closes() -> None:
    with Queue.open("memory://shared") as first:
        with Queue.open("memory://shared") as second:
            first.enqueue("mail", "hello")
            assert second.dequeue().job.payload == "hello"
        assert first.stats()["claimed"] == 1

    with Queue.open("memory://shared") as later:
        assert later.stats()["claimed"] == 0


def test_the_first_queues_cap_holds_for_a_shared_name() -> None:
    with (
        Queue.open("memory://capped", dead_letter_cap=1) as first,
        Queue.open("memory://capped", dead_letter_cap=50) as second,
    ):
        bury(second, "1", "2")

        assert dead(first) == ["2"]


@pytest.mark.parametrize("others", ["memory://", "memory://two", "memory://one/more"])
def test_other_names_and_no_name_are_other_stores(others: str) -> None:
    with Queue.open("memory://one") as one, Queue.open(others) as other:
        one.enqueue("mail")

        with pytest.raises(NoJob):
            other.dequeue()


def test_two_queues_without_a_name_never_see_each_other() -> None:
    with Queue.open("memory://") as one, Queue.open("memory://") as other:
        one.enqueue("mail")

        assert other.stats()["pending"] == 0


def test_a_closed_backend_says_so_and_closing_again_changes_nothing() -> None:
    backend, other = MemoryBackend(name="closing"), MemoryBackend(name="closing")
    assert backend.queue_close()
    assert backend.queue_close()

    with pytest.raises(BackendUnavailable, match="the memory backend is closed"):
        backend.queue_stats()
    assert other.queue_stats() == []
    other.queue_close()


def test_what_the_backend_declares_is_what_memory_can_promise() -> None:
    with Queue.open("memory://") as queue:
        assert queue.capabilities == {
            Capability.BROWSE,
            Capability.REPLAY,
            Capability.WAKE,
            Capability.TURN,
            Capability.DIAGNOSE,
            Capability.SCHEDULE,
            Capability.PRIORITY,
            Capability.ATOMIC_BULK,
        }
        assert queue.lease == timedelta(minutes=5)
