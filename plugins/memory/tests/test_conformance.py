from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

import gofastr_queue_memory
from gofastr_queue.backends import connect
from gofastr_queue_conformance import Harness, Suite
from gofastr_queue_memory import MemoryBackend


class TestMemory(Suite):
    CERTIFICATE = Path(gofastr_queue_memory.__file__).parent / "certificates" / "memory.json"

    @pytest.fixture
    def harness(self) -> Iterator[Harness]:
        url = f"memory://{uuid4()}"
        keeper = MemoryBackend(name=url.removeprefix("memory://"))

        yield Harness(open=lambda: connect(url), url=url)
        keeper.queue_close()
