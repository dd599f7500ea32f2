"""A call that fails, and may have been done nevertheless, can be repeated or made up for."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.faults.failpoint_raise import SWALLOWED, cases

from gofastr_queue import failpoints

ROOT = Path(__file__).parents[2]
NEVER = 10**9
MODULE = "tests.faults.failpoint_raise"


@pytest.mark.parametrize("url", ["memory://", "sqlite:///{folder}/{case}.db?synchronous=normal"])
def test_what_a_failed_call_leaves_is_finished_once(url: str, tmp_path: Path) -> None:
    names = sorted({case.point for case in cases()})
    done = subprocess.run(
        [sys.executable, "-m", MODULE, url.replace("{folder}", f"{tmp_path}")],
        cwd=ROOT,
        env=os.environ | {failpoints.VARIABLE: ",".join(f"{name}:{NEVER}:raise" for name in names)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert len(told) == 4 * (len(failpoints.OPERATIONS) - len(SWALLOWED))
    assert {name: problems for name, problems in told.items() if problems} == {}
