from __future__ import annotations

from pathlib import Path

import pytest

import gofastr_queue_files
from gofastr_queue_conformance import Harness, Suite
from gofastr_queue_files import connect


class TestFiles(Suite):
    CERTIFICATE = Path(gofastr_queue_files.__file__).parent / "certificates" / "files.json"

    @pytest.fixture
    def harness(self, tmp_path: Path) -> Harness:
        url = f"files://{tmp_path / 'queue'}"
        return Harness(open=lambda: connect(url), url=url)
