"""Fills a small file system of its own, which nobody else sees, with the jobs of a queue.

unshare --mount python -m tests.faults.full_disk BACKEND, as root; tells in JSON what it found.
"""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

import psycopg
from psycopg import sql
from tests.servers.guard import temporary
from tests.servers.postgres import Server

from gofastr_queue import Claim, Job, Queue, StoreFull

MEGABYTES = 6


def mount(folder: Path, *options: str) -> None:
    """Make or change the file system at a folder."""
    given = ",".join(("mode=777", *options))
    command = ["mount", "-t", "tmpfs", "-o", given, "queue", str(folder)]
    subprocess.run(command, check=True)


@contextmanager
def sqlite(folder: Path) -> Iterator[str]:
    """Give the URL of a file there."""
    yield f"sqlite:///{folder}/jobs.db"


@contextmanager
def postgres(folder: Path) -> Iterator[str]:
    """Give the URL of a queue whose tables are there; the server's log of writes is elsewhere."""
    with Server(fsync="off") as server:
        owner = server.folder.stat()
        os.chown(folder, owner.st_uid, owner.st_gid)
        with psycopg.connect(server.url(), autocommit=True) as connection:
            place = sql.Literal(str(folder))
            connection.execute(sql.SQL("CREATE TABLESPACE small LOCATION {}").format(place))
        yield f"{server.url()}?options={quote('-c default_tablespace=small')}"


STORES = {"sqlite": sqlite, "postgresql": postgres}


def has_remedy(error: StoreFull) -> None:
    assert "free disk space" in str(error), error


def fill(queue: Queue) -> list[str]:
    """Enqueue, less and less at a time, until no job has room; return what was accepted."""
    accepted: list[str] = []
    for size in (20_000, 2_000, 100):
        while True:
            try:
                accepted.append(queue.enqueue("t", secrets.token_hex(size)).id)
            except StoreFull as error:
                has_remedy(error)
                break
    return accepted


def tried(settle: Callable[[Claim], bool], claims: list[Claim]) -> list[str]:
    """Settle each; return those of which it was told that they were."""
    settled = []
    for claim in claims:
        try:
            assert settle(claim), "nobody else has it"
        except StoreFull as error:
            has_remedy(error)
        else:
            settled.append(claim.job.id)
    return settled


def examine(url: str, grow: Callable[[], None]) -> dict[str, int]:
    """Fill a queue, use it as far as it goes, give it room, and finish everything."""
    with Queue.open(url, lease=timedelta(seconds=1)) as queue:
        accepted = [job.id for job in queue.enqueue_many([Job(type="t")] * 20)]
        claims = queue.claim(10)
        accepted += fill(queue)
        stored = len(accepted)
        try:
            queue.enqueue_many([Job(type="t", payload=secrets.token_hex(2_000))] * 500)
            raise AssertionError("a bulk found room")
        except StoreFull:
            assert sum(queue.stats().values()) == stored, "a bulk was stored by half"
        done = tried(queue.ack, claims[:5])
        nacked = tried(lambda claim: queue.nack(claim, "x" * 4_000), claims[5:])
        assert sum(queue.stats().values()) == stored - len(done)
        grow()
        queue.enqueue_many([Job(type="t", payload=secrets.token_hex(2_000))] * 500)
        finished = list(done)
        while sum(queue.stats().values()):
            finished += [claim.job.id for claim in queue.ack_many(queue.claim(100))]
        assert len(finished) == len(set(finished)) == stored + 500
        assert set(accepted) <= set(finished)
    return {"stored": stored, "acked": len(done), "nacked": len(nacked)}


@contextmanager
def small_disk() -> Iterator[Path]:
    """Mount it where the server's user can enter."""
    folder = Path(tempfile.mkdtemp(prefix="gofastr-full-", dir=temporary()))
    try:
        mount(folder, f"size={MEGABYTES}m")
        yield folder
    finally:
        command = ["umount", "--lazy", str(folder)]
        subprocess.run(command, check=False)
        folder.rmdir()


def main() -> None:
    """Do it, where nobody else is."""
    with small_disk() as folder, STORES[sys.argv[1]](folder) as url:
        found = examine(url, lambda: mount(folder, "remount", f"size={10 * MEGABYTES}m"))
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main()
