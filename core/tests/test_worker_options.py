"""A worker's options are checked before anything starts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from gofastr_queue import Queue
from gofastr_queue.errors import InvalidOption


@pytest.fixture
def queue() -> Iterator[Queue]:
    with Queue.open("memory://") as queue:
        yield queue


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ({"workers": -1}, "workers"),
        ({"workers": 0}, "workers"),
        ({"workers": True}, "workers"),
        ({"workers": 1.5}, "workers"),
        ({"lanes": {"high": 0}}, "high"),
        ({"lanes": {"": 1}}, "default lane"),
        ({"lanes": {"x" * 256: 1}}, "256"),
        ({"concurrency": 0}, "concurrency"),
        ({"unregistered": "keep"}, "keep"),
        ({"handler_timeout": 0}, "handler_timeout"),
        ({"handler_timeout": timedelta(seconds=-1)}, "handler_timeout"),
        ({"gate": "closed"}, "closed"),
        ({"poll": 0}, "poll"),
        ({"poll": float("nan")}, "poll"),
        ({"reclaim_interval": -1}, "reclaim_interval"),
        ({"grace": -1}, "grace"),
    ],
)
def test_an_impossible_option_is_refused_by_name_and_nothing_starts(
    queue: Queue, options: dict[str, Any], names: str
) -> None:
    with pytest.raises(InvalidOption, match=names):
        queue.start(**options)

    queue.start(1)  # would be refused if a worker ran


def test_an_unknown_option_is_a_type_error(queue: Queue) -> None:
    with pytest.raises(TypeError, match="worker_count"):
        queue.run(worker_count=3)

    queue.start(1)


@pytest.mark.parametrize(
    "options",
    [
        {"workers": 0, "lanes": {"high": 1}},
        {"handler_timeout": 5, "poll": 0.5, "reclaim_interval": timedelta(seconds=1)},
        {"grace": 0},
    ],
)
def test_spans_are_timedeltas_or_seconds_and_lanes_alone_are_enough(
    queue: Queue, options: dict[str, Any]
) -> None:
    queue.start(**options)
