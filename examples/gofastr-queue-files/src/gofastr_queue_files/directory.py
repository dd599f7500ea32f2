"""A directory of jobs; each method but ``locked`` is called with its lock held."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

from filelock import FileLock

from gofastr_queue.errors import BackendUnavailable, StoreFull
from gofastr_queue.lifecycle import Status
from gofastr_queue.records import StoredError, StoredJob
from gofastr_queue_files.names import CLAIMED, FAILED, LATER, READY, Name, micros, moment, read

FOLDERS = (READY, LATER, CLAIMED, FAILED)
TEMPORARY = "temporary"
STATUS = {CLAIMED: Status.CLAIMED, FAILED: Status.FAILED}
FULL = (errno.ENOSPC, errno.EDQUOT)


class Directory:
    """Reads, writes and moves the files of jobs."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._moved: set[str] = set()
        with self._told():
            for folder in (*FOLDERS, TEMPORARY):
                (root / folder).mkdir(parents=True, exist_ok=True)
        with self.locked():
            for left in (root / TEMPORARY).iterdir():
                left.unlink()

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Be the only one here; what was moved is on the disk before others come."""
        with self._told(), FileLock(self.root / "lock"):
            try:
                yield
            finally:
                for folder in self._moved:
                    _sync(self.root / folder)
                self._moved.clear()

    def names(self, *folders: str) -> list[Name]:
        """List jobs."""
        paths = [path for folder in folders for path in (self.root / folder).iterdir()]
        return [read(path.parent.name, path.name) for path in paths]

    def content(self, name: Name) -> dict[str, Any]:
        """Read what the name of a job does not say."""
        content: dict[str, Any] = json.loads((self.root / name.path).read_text("utf-8"))
        return content

    def write(self, name: Name, content: dict[str, Any]) -> None:
        """Store a job, or replace its content; its file is there whole or not at all."""
        temporary = self.root / TEMPORARY / uuid4().hex
        with temporary.open("x", encoding="utf-8") as file:
            json.dump(content, file)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(self.root / name.path)
        self._moved.add(name.folder)

    def move(self, old: Name, new: Name) -> None:
        """Let a job stand elsewhere: this is the step that counts."""
        (self.root / old.path).rename(self.root / new.path)
        self._moved |= {old.folder, new.folder}

    def remove(self, name: Name | None) -> bool:
        """Forget a job, if there is one."""
        if name is None:
            return False
        (self.root / name.path).unlink()
        self._moved.add(name.folder)
        return True

    def job(self, name: Name) -> StoredJob:
        """Return a job as it is."""
        content = self.content(name)
        errors = [StoredError(number, moment(at), text) for number, at, text in content["errors"]]
        return StoredJob(
            **content["job"],
            created_at=moment(content["created"]),
            priority=name.priority,
            attempts=name.attempts,
            status=STATUS.get(name.folder, Status.PENDING),
            scheduled_at=moment(name.scheduled),
            errors=tuple(errors),
            worker=content["worker"] if name.folder == CLAIMED else "",
            lease_until=moment(name.lease) if name.folder == CLAIMED else None,
        )

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Turn the system's errors into the queue's."""
        try:
            yield
        except OSError as error:
            said = f"{self.root}: {error.strerror or error}"
            if error.errno in FULL:
                raise StoreFull(f"no room for jobs in {said}") from error
            raise BackendUnavailable(f"cannot work in {said}") from error


def content_of(job: StoredJob) -> dict[str, Any]:
    """Return what a job's file holds."""
    return {
        "job": {
            name: getattr(job, name)
            for name in ("id", "type", "payload", "lane", "max_attempts", "headers")
        },
        "created": micros(job.created_at),
        "errors": [(one.attempt, micros(one.at), one.text) for one in job.errors],
        "worker": "",
    }


def _sync(folder: Path) -> None:
    if os.name == "nt":  # Windows opens no folder, and writes renames by itself
        return
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
