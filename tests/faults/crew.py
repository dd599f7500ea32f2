"""Worker processes: real interpreters running ``gofastr-queue work``."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from attrs import define, field, frozen
from tests.faults import recorder
from tests.faults.app import TARGET, Given

ROOT = Path(__file__).parents[2]

PATIENCE = 60.0
"""Seconds for anything that an interpreter does at its start and end; far more than it needs."""


@frozen
class Process:
    """A worker process, or the supervisor of several, and the file of what it says."""

    process: subprocess.Popen[bytes]
    folder: Path
    said: Path

    @property
    def pid(self) -> int:
        """Its process id."""
        return self.process.pid

    def ready(self) -> bool:
        """Tell whether it has asked the store for jobs."""
        pattern = f"{recorder.KIND}-{self.pid}-*"
        return any(file.stat().st_size for file in self.folder.glob(pattern))

    def alive(self) -> bool:
        """Tell whether it runs."""
        return self.process.poll() is None

    def kill(self) -> None:
        """End it by kill -9, if it still runs."""
        self.process.kill()
        self.process.wait()

    def pause(self) -> None:
        """Stop it where it is."""
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Let it go on."""
        self.process.send_signal(signal.SIGCONT)

    def end(self) -> int:
        """Let it finish what it runs; return its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE)

    def text(self) -> str:
        """Return what it has said."""
        return self.said.read_text("utf-8", errors="replace")


@define
class Crew:
    """Worker processes that write to one folder."""

    folder: Path
    everybody: list[Process] = field(factory=list)

    def start(
        self,
        url: str,
        *options: str,
        lease: float,
        workers: int = 2,
        clock: float = 0,
        record: bool = True,
    ) -> Process:
        """Start a worker process on a store, with more options of the command.

        ``clock`` is by how many seconds its clock is wrong. Without ``record`` it writes down
        neither calls nor effects.
        """
        said = self.folder / f"said-{len(self.everybody)}"
        given = Given(url, str(self.folder) if record else "", str(lease))
        wrong = ["-m", "tests.faults.wrong_clock", str(clock)] if clock else ["-m", "gofastr_queue"]
        command = [sys.executable, *wrong, "work", *options, f"--workers={workers}", TARGET]
        with said.open("wb") as file:
            process = subprocess.Popen(
                command, cwd=ROOT, env=os.environ | given.environment(), stderr=file
            )
        self.everybody.append(Process(process, self.folder, said))
        return self.everybody[-1]

    @property
    def alive(self) -> list[Process]:
        """Those that run."""
        return [process for process in self.everybody if process.alive()]

    def end(self) -> list[int]:
        """Let everybody finish; return the exit codes of those that ran."""
        return [process.end() for process in self.alive]

    def close(self) -> None:
        """Kill who is left."""
        for process in self.everybody:
            process.go_on()
            process.kill()
