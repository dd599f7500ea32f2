"""Handlers in processes: which functions, what they are given, and what they may raise."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from core.tests.watched import only_error, pid_in, until

from gofastr_queue import Claim, Context, InvalidOption, Job, JobError, Queue, hookimpl
from gofastr_queue.places import Place
from gofastr_queue.testing import drain
from gofastr_queue.worker import crossing


@pytest.fixture
def queue() -> Iterator[Queue]:
    with Queue.open("memory://") as queue:
        yield queue


# What can run in a process


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (lambda _: lambda: None, "is a lambda"),
        (lambda _: _local(), "_local.<locals>.local stands inside another function"),
        (lambda handlers: partial(handlers.note), "is no plain function"),
        (lambda handlers: handlers.Methods().bound, "is no plain function"),
        (lambda handlers: handlers.Methods(), "is no plain function"),
    ],
    ids=["lambda", "local", "partial", "method", "object"],
)
def test_what_a_process_cannot_import_is_refused_with_the_remedy(
    queue: Queue, handlers: Any, made: Callable[[Any], Any], said: str
) -> None:
    with pytest.raises(InvalidOption, match=f"the handler of 'work' cannot .*{said}.*at the top"):
        queue.register_handler("work", made(handlers), process=True)


def test_process_is_true_or_false(queue: Queue, handlers: Any) -> None:
    with pytest.raises(InvalidOption, match="process must be True or False, got 4"):
        queue.register_handler("work", handlers.note, process=4)  # type: ignore[arg-type]


def test_a_function_that_its_module_holds_under_another_name_is_refused_at_the_start(
    queue: Queue, handlers: Any
) -> None:
    queue.register_handler("work", handlers.covered, process=True)

    with pytest.raises(InvalidOption, match=r"process_handlers\.note is <function note .* instead"):
        queue.start(1)


@pytest.mark.parametrize("path", ["note", "note_async", "Methods.static"])
def test_functions_coroutines_and_static_methods_run_in_a_process(
    queue: Queue, handlers: Any, tmp_path: Path, path: str
) -> None:
    function = handlers
    for part in path.split("."):
        function = getattr(function, part)
    queue.handler("note", process=True)(function)
    job = queue.enqueue("note", str(tmp_path))
    queue.start(1)
    assert queue.join(30)

    assert pid_in(tmp_path / job.id) != os.getpid()


def test_drain_runs_them_inline(queue: Queue, handlers: Any, tmp_path: Path) -> None:
    queue.register_handler("note", handlers.note_async, process=True)
    job = queue.enqueue("note", str(tmp_path))

    assert drain(queue) == 1
    assert pid_in(tmp_path / job.id) == os.getpid()


SCRIPT = """
import sys
from pathlib import Path
from gofastr_queue import Queue

queue = Queue.open("memory://")

@queue.handler("note", process=True, max_attempts=1)
def note(job):
    Path(job.payload).write_text(__name__ + " " + " ".join(sys.argv[1:]))

if __name__ == "__main__":
    job = queue.enqueue("note", "noted")
    queue.start(1)
    assert queue.join(30)
    print(queue.list_jobs())
    queue.close()
"""


@pytest.mark.parametrize(
    ("arguments", "name"), [(["app.py"], "__mp_main__"), (["-m", "pack.app"], "pack.app")]
)
def test_handlers_of_the_program_itself_are_found_without_running_it_again(
    tmp_path: Path, arguments: list[str], name: str
) -> None:
    (tmp_path / "pack").mkdir()
    (tmp_path / "app.py").write_text(SCRIPT)
    (tmp_path / "pack" / "app.py").write_text(SCRIPT)
    done = subprocess.run(
        [sys.executable, *arguments, "argument"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )

    assert done.stdout == "[]\n"
    assert (tmp_path / "noted").read_text() == f"{name} argument"


@pytest.mark.parametrize("arguments", [["-c", SCRIPT], ["-"]])
def test_handlers_of_a_program_without_a_file_are_refused(arguments: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, *arguments],
        input=SCRIPT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert "note was typed in, or is in a program without a file" in done.stderr


def test_a_module_that_starts_a_worker_when_imported_says_how_not_to(tmp_path: Path) -> None:
    script = SCRIPT.replace('if __name__ == "__main__":', "if True:")
    (tmp_path / "app.py").write_text(script)
    done = subprocess.run(
        [sys.executable, "app.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )

    assert "start it under: if __name__ == '__main__'" in done.stdout


# What crosses


def test_every_field_of_a_claim_crosses_as_text() -> None:
    now = datetime.now(UTC)
    job = Job(
        type="typ\u00e9",
        id="a",
        lane="high",
        priority=-3,
        max_attempts=7,
        attempts=2,
        payload={"text": "\u2028\U0001f600", "numbers": [1, 1.5, 10**400, None, True]},
        created_at=now,
        scheduled_at=now + timedelta(microseconds=1),
        lease_until=now,
        errors=(JobError(1, now, "ValueError", "line\nbreak", "trace"),),
        headers={"schedule": "x"},
        worker="host:1",
    )
    claim = Claim(job, "token", now)
    place = Place("module", "name", "script.py")

    text = crossing.order(place, claim)

    assert text.isascii()
    assert "\n" not in text
    assert crossing.read(text) == (place, claim)


def test_a_handler_sees_its_job_as_the_worker_does(handlers: Any, tmp_path: Path) -> None:
    seen: list[str] = []

    class Watching:
        @hookimpl
        def jobs_started(self, claims: list[Claim]) -> None:
            seen.extend(f"{claim.job!r}\n{claim!r}" for claim in claims)

    with Queue.open("memory://", plugins=[Watching()]) as watched:
        watched.register_handler("show", handlers.show, process=True)
        watched.enqueue("show", {"path": str(tmp_path / "shown"), "n": [1.5, "\u20ac"]}, lane="x")
        watched.start(1)
        assert watched.join(30)

    assert [(tmp_path / "shown").read_text()] == seen


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("ValueError", "text of the error"),
        ("HostileError", "<its __str__ raised RuntimeError>"),
        ("SystemExit", "3"),
        ("KeyboardInterrupt", ""),
        ("ExceptionGroup", "many (1 sub-exception)"),
    ],
)
def test_whatever_is_raised_crosses_as_text_and_the_process_goes_on(
    queue: Queue, handlers: Any, tmp_path: Path, kind: str, message: str
) -> None:
    queue.register_handler("fail", handlers.fail, process=True, max_attempts=1)
    queue.register_handler("note", handlers.note, process=True)
    before, after = (Job(type="note", payload=str(tmp_path), id=id) for id in ("before", "after"))
    queue.enqueue_many([before, Job(type="fail", payload=kind, id="fails"), after])
    queue.start(1)
    assert queue.join(30)

    error = only_error(queue, "fails")
    assert (error.kind, error.message) == (kind, message)
    assert "process_handlers.py" in error.traceback
    assert pid_in(tmp_path / "before") == pid_in(tmp_path / "after")


def test_retry_bury_and_snooze_are_honoured(queue: Queue, handlers: Any, tmp_path: Path) -> None:
    queue.register_handler("decide", handlers.decide, process=True)
    queue.register_handler("snooze", handlers.snooze_once, process=True)
    queue.enqueue("decide", "bury", id="buried")
    queue.enqueue("decide", "retry", id="retried")
    snoozed = queue.enqueue("snooze", str(tmp_path / "snoozed"), max_attempts=1)
    queue.start(1)

    assert only_error(queue, "buried").message == "never again"
    until(lambda: (job := queue.get("retried")) is None or job.errors)
    waiting = queue.get("retried")
    assert waiting is not None
    assert waiting.errors[0].message == "not yet"
    until(lambda: queue.get("retried") is None and queue.get(snoozed.id) is None)


def test_what_a_handler_prints_goes_to_stderr_and_its_stdin_is_empty(tmp_path: Path) -> None:
    code = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
import process_handlers
from gofastr_queue import Queue
with Queue.open("memory://") as queue:
    queue.register_handler("talk", process_handlers.talk, process=True)
    queue.enqueue("talk", {str(tmp_path / "read")!r}, id="a")
    queue.start(1)
    assert queue.join(30)
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        input="not for handlers",
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )

    assert (done.stdout, done.stderr) == ("", "printed by the handler a\n")
    assert (tmp_path / "read").read_text() == "''"


def _local() -> Callable[[Context], None]:
    def local(context: Context) -> None:
        del context

    return local
