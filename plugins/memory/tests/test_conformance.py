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

        def damage(id: str) -> None:
            keeper._store.entries[id].payload = "{no JSON"

        yield Harness(open=lambda: connect(url), damage=damage, url=url)
        keeper.queue_close()
