"""What core's tests begin with: a clock that only the test moves, a queue on it, and handlers."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

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


@pytest.fixture
def handlers(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Handlers that a process can import."""
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    return importlib.import_module("process_handlers")
