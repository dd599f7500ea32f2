"""What a store holds never becomes code: not its payloads, not its types, on no store."""

from __future__ import annotations

import pickle
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from gofastr_queue import Queue
from gofastr_queue.calls import resolve
from gofastr_queue.lifecycle import Status
from gofastr_queue.records import Draft, StoredError
from gofastr_queue_conformance import Harness


class Touches:
    """Becomes a file when it is unpickled."""

    def __init__(self, canary: Path) -> None:
        self.canary = canary

    def __reduce__(self) -> Any:
        return Path.touch, (self.canary,)


def malformed(canary: Path) -> dict[str, str]:
    """Return payloads that are no JSON, some of which are code to other libraries."""
    return {
        "pickle": pickle.dumps(Touches(canary), protocol=0).decode("ascii"),
        "yaml": f"!!python/object/apply:pathlib.Path.touch [{canary}]",
        "python": f"__import__('pathlib').Path({str(canary)!r}).touch()",
        "repr": "Job(type='mail')",
        "template": "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    }


def innocent(canary: Path) -> dict[str, str]:
    """Return payloads that are JSON and stay what they say."""
    path = f'"{canary}"'
    return {
        "reduce": f'{{"__reduce__": ["pathlib.Path.touch", [{path}]]}}',
        "class": f'{{"py/object": "pathlib.Path", "py/reduce": [{path}], "__class__": "Path"}}',
        "text": f'"{{0.__class__}} %s $({path[1:-1]})"'.replace("\\", ""),
    }


HOSTILE_TYPES = (
    *("os.system", "pathlib.Path.touch", "gofastr_queue.queue:Queue", "builtins.exec"),
    *("__main__.main", "../../etc/passwd", "mail; touch x", "__import__('os')"),
    *("strange_module", "strange_module.run", "strange_module:run"),
)

STRANGE = "open('imported', 'w').close()\n\ndef run(*_):\n    open('ran', 'w').close()\n"
"""A module that leaves a file where it is imported, and where its function is called."""


def stored(harness: Harness, drafts: list[Draft]) -> None:
    """Put drafts into a store past core's checks, as another program might."""
    backend = harness.open()
    resolve(backend).hooks.queue_put(drafts=drafts, on_conflict="error", now=None)
    backend.queue_close()


def worked(queue: Queue, **options: Any) -> None:
    queue.start(2, **options)
    deadline = time.monotonic() + 30
    while any(queue.stats()[status] for status in ("pending", "claimed")):
        assert time.monotonic() < deadline, queue.stats()
        time.sleep(0.02)


def test_what_is_no_json_is_buried_and_never_run(harness: Harness, tmp_path: Path) -> None:
    canary = tmp_path / "ran"
    texts = malformed(canary)
    stored(harness, [Draft(name, "mail", text, max_attempts=1) for name, text in texts.items()])
    calls: list[str] = []
    with Queue(harness.open()) as queue:
        queue.register_handler("mail", lambda job: calls.append(job.id))
        worked(queue)

        failed = {job.id: job.errors[-1].kind for job in queue.list_jobs("failed")}

    assert failed == dict.fromkeys(texts, "CorruptJob")
    assert calls == []
    assert not canary.exists()


def test_what_is_json_stays_what_it_says(harness: Harness, tmp_path: Path) -> None:
    canary = tmp_path / "ran"
    texts = innocent(canary)
    stored(harness, [Draft(name, "mail", text) for name, text in texts.items()])
    seen: dict[str, Any] = {}
    with Queue(harness.open()) as queue:
        queue.register_handler("mail", lambda job: seen.update({job.id: job.payload}))
        worked(queue)

    assert seen.keys() == texts.keys()
    assert seen["reduce"] == {"__reduce__": ["pathlib.Path.touch", [str(canary)]]}
    assert not canary.exists()


def test_headers_and_errors_of_another_program_are_only_text(
    harness: Harness, tmp_path: Path
) -> None:
    canary = tmp_path / "ran"
    with Queue(harness.open()) as queue:
        at = queue.enqueue("clock", delay=timedelta(days=1)).created_at
        assert at is not None
        for name, text in malformed(canary).items():
            error = StoredError(1, at, text)
            stored(
                harness,
                [
                    Draft(f"errors {name}", "mail", "1", status=Status.FAILED, errors=(error,)),
                    Draft(f"headers {name}", "mail", "1", headers=text, status=Status.FAILED),
                ],
            )

        messages = {
            job.id: [one.message for one in job.errors] for job in queue.list_jobs("failed")
        }

    for name, text in malformed(canary).items():
        assert messages[f"errors {name}"] == [text]
        assert f"headers {name}" in messages
    assert not canary.exists()


@pytest.mark.parametrize("type", HOSTILE_TYPES)
def test_a_type_is_a_name_that_was_registered_and_nothing_else(
    type: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "strange_module.py").write_text(STRANGE)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    with Queue.open("memory://") as queue:
        job = queue.enqueue(type, "touch ran")
        queue.register_handler("mail", lambda job: pytest.fail(f"called for {job.type}"))
        worked(queue)

        assert queue.get(job.id) is None

    assert [path.name for path in tmp_path.iterdir()] == ["strange_module.py"]


def test_a_type_without_a_handler_can_be_left(harness: Harness) -> None:
    with Queue(harness.open()) as queue:
        for type in HOSTILE_TYPES:
            queue.enqueue(type, "touch ran")
        queue.enqueue("mail")
        done: list[str] = []
        queue.register_handler("mail", lambda job: done.append(job.type))
        queue.start(1, unregistered="leave")
        deadline = time.monotonic() + 30
        while not done or queue.stats()["claimed"]:
            assert time.monotonic() < deadline
            time.sleep(0.02)

        assert done == ["mail"]
        assert sorted(job.type for job in queue.list_jobs()) == sorted(HOSTILE_TYPES)
