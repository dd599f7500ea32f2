"""What core's tests begin with: a clock that only the test moves, and a queue on it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from gofastr_queue import Queue
from gofastr_queue.testing import FakeClock


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def queue(clock: FakeClock) -> Iterator[Queue]:
    with Queue.open("memory://", clock=clock) as queue:
        yield queue
