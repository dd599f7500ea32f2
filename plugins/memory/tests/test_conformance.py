from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import pytest

from gofastr_queue.backends import connect
from gofastr_queue_conformance import Harness, Suite
from gofastr_queue_memory import MemoryBackend


class TestMemory(Suite):
    @pytest.fixture
    def harness(self) -> Iterator[Harness]:
        url = f"memory://{uuid4()}"
        keeper = MemoryBackend(name=url.removeprefix("memory://"))

        yield Harness(open=lambda: connect(url), url=url)
        keeper.queue_close()
