"""What stands against the promises in a SQLite file: settings, filesystem, version, schema."""

from __future__ import annotations

import os
import re
import sqlite3
import stat
from collections.abc import Iterator
from pathlib import Path

from gofastr_queue.records import Finding, Level
from gofastr_queue_sql import sqlite_schema

MOUNTS = Path("/proc/self/mountinfo")
"""Which filesystem is mounted where, as Linux tells."""

NETWORK = frozenset(
    {
        *("9p", "afs", "beegfs", "ceph", "cifs", "glusterfs", "gpfs", "lustre", "nfs", "nfs4"),
        *("fuse.ceph", "fuse.glusterfs", "fuse.sshfs", "smb3", "smbfs", "vboxsf", "virtiofs"),
    }
)
"""Filesystems that hosts share, but not the memory by which processes share a WAL."""

IN_MEMORY = frozenset({"ramfs", "tmpfs"})

WAL_RESET_MENDED = (3, 51, 3)
WAL_RESET_MENDED_TOO = ((3, 44, 6), (3, 50, 7))
"""Maintained older versions that have the correction as well."""

SYNCHRONOUS = ("off", "normal", "full", "extra")

TO_WAL = "open the queue by its path, or set PRAGMA journal_mode = WAL"

MAKE = "run gofastr-queue schema, or open the queue anew"


def findings(cursor: sqlite3.Cursor, file: str, table: str) -> list[Finding]:
    """Examine the file of a queue on the connection that writes to it."""
    (journal,) = cursor.execute("PRAGMA journal_mode").fetchone()
    (synchronous,) = cursor.execute("PRAGMA synchronous").fetchone()
    return [
        version(sqlite3.sqlite_version_info[:3], journal),
        *durability(journal, SYNCHRONOUS[synchronous]),
        *filesystem(filesystem_of(file)),
        *access(file),
        _schema(cursor, table),
        Finding("clock", Level.OK, "the clock of this host decides"),
    ]


def version(found: tuple[int, ...], journal: str) -> Finding:
    """Judge a version of SQLite."""
    shown, oldest = _dotted(found), sqlite_schema.OLDEST_SQLITE
    if found < oldest:
        needed = f"use a Python with SQLite {_dotted(oldest)} or later"
        return Finding("version", Level.BROKEN, f"SQLite {shown} is too old", needed)
    mended = found >= WAL_RESET_MENDED or any(
        found[:2] == one[:2] and found >= one for one in WAL_RESET_MENDED_TOO
    )
    if journal == "wal" and not mended:
        return Finding(
            "version",
            Level.WARNING,
            f"SQLite {shown} can, very rarely, damage a file in WAL mode when two connections "
            "make a checkpoint at the same moment",
            f"use a Python with SQLite {_dotted(WAL_RESET_MENDED)} or later",
        )
    return Finding("version", Level.OK, f"SQLite {shown}")


def durability(journal: str, synchronous: str) -> Iterator[Finding]:
    """Judge how commits are kept."""
    as_set = f"with journal_mode {journal} and synchronous {synchronous}"
    if journal in ("off", "memory"):
        wrong = f"{as_set} a process that is killed while it writes may damage the file"
        yield Finding("durability", Level.BROKEN, wrong, TO_WAL)
    elif synchronous == "off":
        wrong = f"{as_set} a power cut may lose accepted jobs and damage the file"
        remedy = "open the queue with synchronous=full, and leave PRAGMA synchronous alone"
        yield Finding("durability", Level.BROKEN, wrong, remedy)
    elif synchronous == "normal":
        wrong = f"{as_set} a power cut may lose the last accepted jobs"
        remedy = "open the queue with synchronous=full, the default"
        yield Finding("durability", Level.WARNING, wrong, remedy)
    elif (journal, synchronous) == ("delete", "full"):
        # the folder that the journal is deleted from is not synchronized
        wrong = f"{as_set} a power cut may lose the last accepted job"
        yield Finding("durability", Level.WARNING, wrong, TO_WAL)
    else:
        yield Finding("durability", Level.OK, f"{as_set} a commit outlasts a power cut")
    if journal != "wal":
        wrong = f"in journal_mode {journal} whoever reads waits for whoever writes"
        yield Finding("journal", Level.NOTE, wrong, TO_WAL)


def filesystem(kind: str) -> Iterator[Finding]:
    """Judge where a file is; nothing is said of the unknown."""
    where = f"the file is on {kind}"
    if kind in NETWORK:
        yield Finding(
            "filesystem",
            Level.WARNING,
            f"{where}, which hosts share: processes on several hosts would damage it",
            "use a local disk, or PostgreSQL for several hosts",
        )
    elif kind in IN_MEMORY:
        wrong = f"{where}: the jobs end with this host's next restart"
        yield Finding("filesystem", Level.WARNING, wrong, "put the file on a disk")
    elif kind == "overlay":
        wrong = f"{where}: in a container's own layer the jobs end with the container"
        yield Finding("filesystem", Level.NOTE, wrong, "put the file on a volume")
    elif kind:
        yield Finding("filesystem", Level.OK, where)


def access(file: str) -> Iterator[Finding]:
    """Judge who else on this host may open a file; nothing is said where systems differ."""
    if os.name != "posix":
        return
    try:
        path = Path(file).resolve(strict=True)
        mode = path.stat().st_mode
        entered = all(folder.stat().st_mode & stat.S_IXOTH for folder in path.parents)
    except OSError:
        return
    remedy = "take it from others by chmod o-rw, for the file and those beside it (-wal, -shm)"
    if entered and mode & stat.S_IWOTH:
        wrong = "every user of this host may write to the file: read, make and remove jobs"
        yield Finding("access", Level.WARNING, wrong, remedy)
    elif entered and mode & stat.S_IROTH:
        wrong = "every user of this host may read the file, and so the payloads of all jobs"
        yield Finding("access", Level.WARNING, wrong, remedy)
    else:
        yield Finding("access", Level.OK, "not every user of this host may open the file")


def filesystem_of(file: str) -> str:
    """Return the type of the filesystem that holds a file, empty where nobody tells."""
    try:
        mounts = MOUNTS.read_text("utf-8", "surrogateescape").splitlines()
    except OSError:
        return ""
    path, deepest, kind = Path(file).resolve(), 0, ""
    for mount in mounts:
        place, _, source = mount.partition(" - ")
        point = Path(re.sub(r"\\([0-7]{3})", lambda code: chr(int(code[1], 8)), place.split()[4]))
        if path.is_relative_to(point) and len(point.parts) >= deepest:  # a later one covers it
            deepest, kind = len(point.parts), source.split()[0]
    return kind


def _schema(cursor: sqlite3.Cursor, table: str) -> Finding:
    found = sqlite_schema.version(cursor, table)
    there = cursor.execute(
        "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?", (table,)
    ).fetchone()
    if found is None or not there:
        return Finding("schema", Level.BROKEN, f"the queue's table {table!r} is not there", MAKE)
    if found > sqlite_schema.VERSION:
        newer = sqlite_schema.too_new(table, found)
        return Finding("schema", Level.BROKEN, newer, sqlite_schema.UPGRADE)
    return Finding("schema", Level.OK, f"table {table!r} has schema version {found}")


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))
