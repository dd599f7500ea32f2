"""The course of the demo: every step may be cut off and done again."""

from __future__ import annotations

import time
from pathlib import Path

from attrs import define, field

from gofastr_queue.cli import output
from gofastr_queue.cli.commands import Failed
from gofastr_queue.cli.demo.folder import PLANTED, Folder, job_id
from gofastr_queue.cli.demo.screen import Moment, Screen
from gofastr_queue.cli.demo.tally import Tally
from gofastr_queue.cli.demo.worker import TYPE
from gofastr_queue.cli.supervisor import Supervisor
from gofastr_queue.job import Job
from gofastr_queue.queue import Queue

CHUNK = 200
"""Jobs enqueued at a time: a Ctrl-C is heard between two chunks."""

TICK = 0.1
"""Seconds between two looks at the queue."""

PATIENCE = 120.0
"""Seconds without any change after which the demo gives up."""

ROUNDS = 3
"""Times that dead letters are put right and replayed; once is enough unless workers are killed."""


class Stopped(Exception):  # noqa: N818 - asked for by a signal
    """Somebody asked the demo to stop."""


@define(eq=False)
class Show:
    """One run."""

    folder: Folder
    source: Path
    files: list[str]
    queue: Queue
    tally: Tally
    supervisor: Supervisor
    screen: Screen
    received: list[int]
    planned: set[str] = field(factory=set)
    began: float = field(factory=time.time)
    before: int = 0

    def finished(self) -> bool:
        """Tell whether an earlier run has done everything."""
        self._plan()
        dead, replayed = self.tally.dead()
        return (
            dead > 0
            and dead == replayed
            and not any(self.queue.stats().values())
            and self.planned <= self.tally.counted()
        )

    def run(self) -> None:
        """Count every file, then put right what failed."""
        self._plan()
        self.before = len(self.tally.counted())
        if self.before:
            self.screen.say(f"going on: {self.before} of {len(self.planned)} files are counted")
        self.supervisor.tend()
        pids = ", ".join(str(pid) for pid in self.supervisor.pids)
        self.screen.say(
            f"{len(self.supervisor.pids)} worker processes: {pids} (kill -9 one of them: its jobs "
            f"run again when their lease of {self.queue.lease.total_seconds():.0f} s has ended)"
        )
        self._enqueue()
        self._settle()
        if self.tally.dead() == (0, 0) and not self.queue.stats()["failed"]:
            self.screen.say(
                f"no file failed, so two that must fail are written into {self.folder.path}/broken"
            )
            self.folder.plant()
            self._plan()
            self._enqueue()
            self._settle()
        for _ in range(ROUNDS):
            dead = self._dead()
            if not dead:
                return
            self._list(dead)
            self._put_right(dead)
            self._settle()
        raise Failed(
            f"jobs fail again and again; see {str(self.folder.log)!r} and: "
            f"gofastr-queue jobs list --url {self.folder.queue_url}"
        )

    def _plan(self) -> None:
        self.planned = {*self.files, *self.folder.planted_files()}

    def _enqueue(self) -> None:
        """Enqueue what is not counted; a job that is stored already stays as it is."""
        counted = self.tally.counted()
        missing = sorted(self.planned - counted)
        for start in range(0, len(missing), CHUNK):
            self._look()
            self.queue.enqueue_many(
                [
                    Job(type=TYPE, id=job_id(file), payload={"file": file})
                    for file in missing[start : start + CHUNK]
                ],
                on_conflict="ignore",
            )
        self.screen.say(f"{len(missing)} files enqueued")

    def _settle(self) -> None:
        """Wait until every job is acked or dead."""
        changed, last = time.monotonic(), None
        while True:
            stats = self._look()
            if not stats["pending"] and not stats["claimed"]:
                return
            if stats != last:
                changed, last = time.monotonic(), stats
            elif time.monotonic() - changed > PATIENCE:
                raise Failed(f"nothing moves any more; see {str(self.folder.log)!r}")
            time.sleep(TICK)

    def _look(self) -> dict[str, int]:
        if self.received:
            raise Stopped
        self.supervisor.tend()
        if self.supervisor.refused:
            raise Failed(f"the workers do not start; see {str(self.folder.log)!r}")
        stats = self.queue.stats()
        now, _ = self.tally.counted_since(self.began)
        done = self.tally.totals().files
        rate = now / max(time.time() - self.began, 0.1)
        processes = len(self.supervisor.pids)
        self.screen.show(Moment(done, len(self.planned), rate, stats, processes))
        return stats

    def _dead(self) -> list[Job]:
        dead: list[Job] = []
        page = self.queue.browse("failed")
        dead += page.jobs
        while page.next:
            page = self.queue.browse("failed", before=page.next)
            dead += page.jobs
        return sorted(dead, key=lambda job: job.id)

    def _list(self, dead: list[Job]) -> None:
        shown = output.table("file", "#attempts", "error", title="\ndead letters")
        for job in dead:
            error = f"{job.errors[-1].kind}: {job.errors[-1].message}"
            self.tally.bury(job.payload["file"], job.attempts, error)
            output.add_row(shown, (job.payload["file"], str(job.attempts), error))
        self.screen.draw(shown)

    def _put_right(self, dead: list[Job]) -> None:
        """Mend the demo's own files, accept that others are unreadable, and replay."""
        mended = accepted = 0
        for job in dead:
            file: str = job.payload["file"]
            if file.startswith(PLANTED):
                self.folder.mend(file)
                mended += 1
            elif job.errors[-1].kind != "LeaseExpired":
                self.tally.accept(file)
                accepted += 1
            self.tally.replaying(file)
        if mended:
            self.screen.say(f"the fix: {mended} files corrected")
        if accepted:
            self.screen.say(
                f"the fix: {accepted} files, which are not ours to correct, "
                "put on the list of those to record as unreadable"
            )
        self.screen.say(f"{self.queue.replay_many(type=TYPE)} dead letters replayed")
