"""Several worker processes, each a fresh interpreter, replaced when they die."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import IO

from attrs import define

from gofastr_queue.cli.commands import USAGE
from gofastr_queue.cli.lifeline import STOP
from gofastr_queue.worker.children import died

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
"""Seconds before a dead process is replaced, doubling with each one that died young."""

YOUNG = 10.0
"""A process that lived for so many seconds did start well: the pauses begin anew."""

MARGIN = 5.0
"""Seconds beyond the grace time in which a process closes its queue and exits."""

TICK = 0.1
"""Seconds between two looks at the processes."""


@define
class _Place:
    """A place for one process at a time."""

    number: int
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    start_at: float = 0.0
    died_young: int = 0


class Supervisor:
    """Keeps ``processes`` of ``command`` running.  Whoever owns it calls ``tend`` now and then."""

    def __init__(
        self,
        command: Sequence[str],
        processes: int,
        say: Callable[[str], object],
        *,
        environment: Mapping[str, str] | None = None,
        stderr: IO[bytes] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._command = list(command)
        self._say = say
        self._environment = None if environment is None else os.environ | environment
        self._stderr = stderr
        self._clock = clock
        self._places = [_Place(number) for number in range(1, processes + 1)]
        self._proven = False
        self.refused = False
        """Whether the command was used wrongly, so that starting it again is no use."""

    @property
    def pids(self) -> list[int]:
        """The processes that run, as far as known."""
        return [place.process.pid for place in self._places if place.process is not None]

    def tend(self) -> None:
        """Start what is missing, and learn what has died."""
        for place in self._places:
            if place.process is not None and place.process.poll() is not None:
                self._bury(place, place.process)
            if place.process is None and self._clock() >= place.start_at and not self.refused:
                self._start(place)

    def stop(self, seconds: float) -> bool:
        """Ask every process to stop, kill what is left after ``seconds``; True if all ended well.

        A process that is told to give its handlers some grace needs ``MARGIN`` beyond it.
        """
        running = [(place, place.process) for place in self._places if place.process is not None]
        for _, process in running:
            assert process.stdin is not None  # noqa: S101 - it is a pipe
            with suppress(OSError):  # it has died just now
                process.stdin.write(STOP)
                process.stdin.flush()
        deadline = self._clock() + seconds
        while any(process.poll() is None for _, process in running) and self._clock() < deadline:
            time.sleep(TICK / 2)
        well = True
        for place, process in running:
            if process.poll() is None:
                self._say(f"worker {place.number} (pid {process.pid}) did not stop: killed")
                process.kill()
            code = process.wait()
            if code > 0:
                self._say(f"worker {place.number} (pid {process.pid}) {died(code)}")
            well = well and code in (0, -signal.SIGTERM)
            _close(process)
            place.process = None
        return well

    def _start(self, place: _Place) -> None:
        place.started = self._clock()
        try:
            # A session of its own: Ctrl-C in a terminal reaches the supervisor alone.
            place.process = subprocess.Popen(  # noqa: S603 - our own command
                self._command,
                stdin=subprocess.PIPE,
                stderr=self._stderr,
                env=self._environment,
                start_new_session=True,
            )
        except OSError as error:
            place.died_young += 1
            place.start_at = place.started + pause_after(place.died_young)
            self._say(f"worker {place.number} was not started: {error}")

    def _bury(self, place: _Place, process: subprocess.Popen[bytes]) -> None:
        lived = self._clock() - place.started
        self._proven = self._proven or lived >= YOUNG
        place.process = None
        _close(process)
        ended = f"worker {place.number} (pid {process.pid}) {died(process.returncode)}"
        if process.returncode == USAGE and not self._proven:
            self.refused = True
            self._say(f"{ended}: not started again")
            return
        place.died_young = 0 if lived >= YOUNG else place.died_young + 1
        pause = pause_after(place.died_young)
        place.start_at = self._clock() + pause
        self._say(f"{ended} after {lived:.1f} s; another starts in {pause:.1f} s")


def pause_after(died_young: int) -> float:
    """Return the seconds to wait after so many processes in a row that died young."""
    if died_young == 0:
        return 0.0
    return min(FIRST_PAUSE * 2.0 ** min(died_young - 1, 32), LONGEST_PAUSE)


def _close(process: subprocess.Popen[bytes]) -> None:
    assert process.stdin is not None  # noqa: S101 - it is a pipe
    with suppress(OSError):  # the line that asked it to stop may still wait in the pipe
        process.stdin.close()
