"""What a program that needs little does not wait for: each starts in as little as it can."""

from __future__ import annotations

import subprocess
import sys

import pytest

import gofastr_queue

WORKED = """
from gofastr_queue import Job, Queue
with Queue.open("memory://importing") as queue:
    @queue.handler("mail")
    {handler} work(job: Job) -> None: ...
    queue.enqueue("mail")
    queue.start()
    assert queue.join(timeout=30)
"""


def imported(code: str) -> list[bool]:
    """Run code and tell whether it imported what takes longest: asyncio, and rich's parts."""
    asked = "import sys; print('asyncio' in sys.modules, 'rich.console' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\n{asked}"],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    return [word == "True" for word in done.stdout.splitlines()[-1].split()]


def command(*arguments: str) -> str:
    return f"from gofastr_queue.cli import main\nassert main({list(arguments)!r}) == 0"


@pytest.mark.parametrize(
    "code",
    [
        "import gofastr_queue",
        WORKED.format(handler="def"),
        command("--version"),
        command("work", "--help"),
    ],
    ids=["import", "worker", "version", "work"],
)
def test_neither_asyncio_nor_tables_are_imported_where_none_is_needed(code: str) -> None:
    assert imported(code) == [False, False]


def test_a_worker_of_async_handlers_imports_asyncio_before_the_first_job() -> None:
    idle = WORKED.replace('    queue.enqueue("mail")\n', "")

    assert imported(idle.format(handler="async def")) == [True, False]


def test_the_async_queue_is_named_by_the_package_and_imported_when_asked_for() -> None:
    assert imported("from gofastr_queue import AsyncQueue") == [True, False]
    assert "AsyncQueue" in dir(gofastr_queue)
    with pytest.raises(AttributeError, match="no attribute 'AsinkQueue'"):
        getattr(gofastr_queue, "AsinkQueue")  # noqa: B009 - type checkers know better
