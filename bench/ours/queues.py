"""Queues of ours as the bench opens them."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from typing import Any

from bench.contest.ledger import Mark
from bench.contest.payload import number_of, payload

from gofastr_queue import Job, Queue, hookimpl
from gofastr_queue.backends import Backend, connect
from gofastr_queue.hookspecs import Hooks

TYPE = "noop"
WRAPPED = "BENCH_WRAPPED"
"""The environment variable that asks for a plugin around every operation."""

SLEEP = "BENCH_SLEEP"
"""The environment variable that asks for handlers that sleep for so many seconds."""

WARM = {"sqlite": "table", "postgresql": "table", "redis": "name"}
"""The option by which another queue in the same store is named."""

WARM_JOBS = 500


def _operations() -> Iterator[str]:
    return (name for name in dir(Hooks) if name.startswith(("queue_", "schedule_")))


def wrapper() -> object:
    """Make a plugin that wraps every operation and passes each on as it is."""

    def wrap(name: str) -> Any:
        def through(_self: object) -> Iterator[None]:
            return (yield)

        through.__name__ = name
        return hookimpl(wrapper=True)(through)

    return type("Wrapper", (), {name: wrap(name) for name in _operations()})()


def open_queue(backend: Backend) -> Queue:
    """Open a queue, with a plugin around every operation if the environment asks for it."""
    return Queue(backend, plugins=[wrapper()] if os.environ.get(WRAPPED) else [])


def handle(queue: Queue, mark: Mark) -> None:
    """Register the handler that does nothing but mark the ledger."""

    @queue.handler(TYPE)
    def noop(job: Job) -> None:
        mark(number_of(job.payload))


def handle_asleep(queue: Queue, mark: Mark, seconds: float) -> None:
    """Register a handler that marks the ledger and sleeps on the event loop."""

    @queue.handler(TYPE)
    async def asleep(job: Job) -> None:
        mark(number_of(job.payload))
        await asyncio.sleep(seconds)


def warm_up(url: str) -> None:
    """Work off some jobs of another queue in the same store, in this process."""
    scheme = url.partition(":")[0]
    options = {WARM[scheme]: "bench_warm"} if scheme in WARM else {}
    with open_queue(connect(url, **options)) as queue:
        for number in range(WARM_JOBS // 5):
            queue.enqueue(TYPE, payload(number))
        queue.enqueue_many(Job(type=TYPE, payload=payload(number)) for number in range(WARM_JOBS))
        handle(queue, lambda _: None)
        queue.start()
        queue.join()
