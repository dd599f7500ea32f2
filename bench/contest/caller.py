"""The other end of the protocol: starts a contestant, gives it orders, and ends it."""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from bench.contest import leash

ROOT = Path(__file__).parents[2]
STOP_SECONDS = 15.0
LAST_BYTES = 1_000


class ContestantError(RuntimeError):
    """A contestant did not do what it was told; the text is its own."""


class Refusal(ContestantError):  # noqa: N818 - a fact, not a fault
    """What a contestant cannot do; the text says why."""


class Caller:
    """A contestant in an interpreter and a session of its own, so that nothing of it stays."""

    def __init__(self, module: str, url: str, **environment: str) -> None:
        self.module = module
        self._log = tempfile.TemporaryFile("a+b")  # noqa: SIM115 - close does it
        self._process = subprocess.Popen(  # noqa: S603 - this interpreter, a module of ours
            [*leash.COMMAND, sys.executable, "-m", module, url],
            cwd=ROOT,
            env=os.environ | environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            start_new_session=True,
        )
        self._said = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def ask(self, do: str, timeout: float, **values: object) -> dict[str, Any]:
        """Give an order; return the answer, or raise ``Refusal`` or ``ContestantError``."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps({"do": do, **values}).encode() + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError as error:
            raise ContestantError(f"{self.module} has ended") from error
        answer: dict[str, Any] = json.loads(self._line(do, timeout))
        if "refused" in answer:
            raise Refusal(f"{self.module}: {answer['refused']}")
        if "error" in answer:
            raise ContestantError(f"{self.module} {do}: {answer['error']}{self._last_words()}")
        return answer

    def close(self) -> None:
        """Ask it to stop, and end whatever of it is left."""
        with contextlib.suppress(ContestantError, ValueError):
            self.ask("stop", STOP_SECONDS)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            with contextlib.suppress(BrokenPipeError):
                pipe.close()
        self._log.close()

    def _last_words(self) -> str:
        """Return the end of what it and its workers have logged: why, mostly."""
        if self._log.closed:
            return ""
        self._log.seek(max(0, self._log.seek(0, os.SEEK_END) - LAST_BYTES))
        said = self._log.read().decode("utf-8", "replace").strip()
        return f"\n{said}" if said else ""

    def _line(self, do: str, timeout: float) -> bytes:
        """Read an answer; a contestant that gives none in time is not asked again."""
        assert self._process.stdout is not None
        deadline = time.monotonic() + timeout
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            while b"\n" not in self._said:
                if not selector.select(max(0.0, deadline - time.monotonic())):
                    os.killpg(self._process.pid, signal.SIGKILL)
                    late = f"no answer in {timeout:.0f} s"
                    raise ContestantError(f"{self.module} {do}: {late}{self._last_words()}")
                said = os.read(self._process.stdout.fileno(), 65_536)
                if not said:
                    ended = f"ended as {self._process.wait()}"
                    raise ContestantError(f"{self.module} {do}: {ended}{self._last_words()}")
                self._said += said
        line, _, self._said = self._said.partition(b"\n")
        return line
