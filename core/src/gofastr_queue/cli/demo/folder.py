"""The demo's work folder, and the names of the files it counts."""

from __future__ import annotations

import hashlib
import os
import sqlite3
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote, unquote_to_bytes

from attrs import frozen

from gofastr_queue.cli.commands import Failed
from gofastr_queue.limits import LONGEST_NAME

PLANTED = "demo:"
"""Begins the names of files that the demo has written; no library file's name has a colon."""

BROKEN = {
    "wrong_coding.py": b"# -*- coding: utf-88 -*-\nprint('spelt wrong')\n",
    "no_source.py": b"def forgotten:\n    return 1\n",
}

MENDED = {
    "wrong_coding.py": b"# -*- coding: utf-8 -*-\nprint('spelt right')\n",
    "no_source.py": b"def remembered():\n    return 1\n",
}

_LEFT_OUT = {"site-packages", "dist-packages", "__pycache__"}


@frozen
class Folder:
    """Where the demo keeps its queue, its results and the files it has broken on purpose."""

    path: Path

    @property
    def queue_url(self) -> str:
        """The queue's store."""
        return f"sqlite:///{quote(str(self.path.absolute() / 'queue.db'))}"

    @property
    def results(self) -> Path:
        """The results' database."""
        return self.path / "results.db"

    @property
    def log(self) -> Path:
        """What the worker processes log."""
        return self.path / "workers.log"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other demos out; the lock ends with its process, however that ends."""
        self.path.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(self.path / "lock.db", timeout=0, isolation_level=None)
        try:
            try:
                connection.execute("BEGIN EXCLUSIVE")
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
                    raise
                raise Failed(
                    f"another demo uses {str(self.path)!r}: wait for it or give another --folder"
                ) from error
            yield
        finally:
            connection.close()

    def clear(self) -> None:
        """Remove what earlier demos have written here, and nothing else."""
        databases = [self.path / "queue.db", self.results]
        for file in (*databases, self.log, *(self.planted(name) for name in BROKEN)):
            for one in (file, Path(f"{file}-wal"), Path(f"{file}-shm")):
                one.unlink(missing_ok=True)

    def planted(self, name: str) -> Path:
        """Return the path of a file that the demo writes."""
        return self.path / "broken" / name

    def plant(self) -> None:
        """Write files that cannot be read."""
        for name, content in BROKEN.items():
            self._write(name, content)

    def mend(self, file: str) -> None:
        """Correct a planted file."""
        name = file.removeprefix(PLANTED)
        self._write(name, MENDED[name])

    def planted_files(self) -> list[str]:
        """Return the names of the planted files that are there."""
        return [f"{PLANTED}{name}" for name in BROKEN if self.planted(name).exists()]

    def locate(self, file: str, source: Path) -> Path:
        """Return where a named file is."""
        if file.startswith(PLANTED):
            return self.planted(file.removeprefix(PLANTED))
        relative = Path(os.fsdecode(unquote_to_bytes(file)))
        if relative.is_absolute() or ".." in relative.parts:
            raise ValueError(f"{file!r} is outside of the source folder")
        return source / relative

    def _write(self, name: str, content: bytes) -> None:
        path = self.planted(name)
        path.parent.mkdir(exist_ok=True)
        new = path.with_suffix(".new")
        new.write_bytes(content)
        new.replace(path)  # a handler sees the whole old file or the whole new one


def library() -> Path:
    """Return where this Python's standard library is."""
    return Path(sysconfig.get_path("stdlib"))


def sources(folder: Path) -> list[str]:
    """Return the names of the source files below a folder: ASCII, whatever their paths hold."""
    found = (path.relative_to(folder) for path in folder.rglob("*.py") if path.is_file())
    return sorted(
        quote(os.fsencode(path.as_posix())) for path in found if _LEFT_OUT.isdisjoint(path.parts)
    )


def job_id(file: str) -> str:
    """Return the id of a file's job, the same in every run."""
    if len(file) <= LONGEST_NAME:
        return file
    return hashlib.sha256(file.encode()).hexdigest()
