"""A server that forgets its scripts all the time is served all the same."""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta

import pytest
from tests.servers.redis import Server
from tests.servers.redis_tools import connected, script_flushing

from gofastr_queue import Job, Queue
from gofastr_queue_conformance.watching import eventually

PRODUCERS = 2
JOBS = 2_000
SCRIPTS = 20
"""More than the plugin has."""


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server() as server:
        yield server


@pytest.mark.parametrize("every", [0.1, 0.0], ids=["ten times a second", "as often as it can"])
def test_every_job_is_done_once_and_nothing_fails(
    server: Server, caplog: pytest.LogCaptureFixture, every: float
) -> None:
    done: Counter[str] = Counter()
    accepted: list[str] = []
    failures: list[Exception] = []
    url = f"{server.url()}?name=forgotten:{every}"

    def produce(queue: Queue) -> None:
        try:
            for number in range(JOBS // 50):
                jobs = queue.enqueue_many([Job(type="work") for _ in range(49)])
                delay = timedelta(milliseconds=number)
                accepted.extend(job.id for job in [*jobs, queue.enqueue("work", delay=delay)])
        except Exception as error:  # noqa: BLE001 - any is a failure of this test
            failures.append(error)

    with Queue.open(url) as queue, connected(server) as client:
        before = client.info("commandstats")
        queue.register_handler("work", lambda job: done.update([job.id]))
        with script_flushing(server, every):
            queue.start(4, reclaim_interval=0.1)
            producers = [threading.Thread(target=produce, args=[queue]) for _ in range(PRODUCERS)]
            for producer in producers:
                producer.start()
            for producer in producers:
                producer.join()
            eventually(lambda: len(done) == PRODUCERS * JOBS, "every effect", 60)
            assert queue.join(60)
            queue.close()
        after = client.info("commandstats")

    assert failures == []
    assert [each for each in caplog.records if each.levelno >= logging.ERROR] == []
    assert done == Counter(accepted)
    assert len(accepted) == PRODUCERS * JOBS
    assert _calls(after, "eval") - _calls(before, "eval") > SCRIPTS, "too few were forgotten"


def _calls(stats: dict[str, dict[str, int]], command: str) -> int:
    return stats.get(f"cmdstat_{command}", {"calls": 0})["calls"]
