"""What the demo shows while it runs: a bar on a terminal, a line a second elsewhere."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Self

from attrs import frozen
from rich.console import Console, RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from gofastr_queue.cli.texts import number, plain

LINE_SECONDS = 1.0
"""Seconds between two lines where there is no terminal."""


@frozen
class Moment:
    """How far the demo has come."""

    done: int
    total: int
    rate: float
    stats: dict[str, int]
    processes: int

    @property
    def text(self) -> str:
        """What stands beside the bar."""
        waiting, running, failed = (self.stats[name] for name in ("pending", "claimed", "failed"))
        return (
            f"{self.rate:.0f}/s · {number(waiting)} waiting · {running} claimed · "
            f"{failed} dead · {self.processes} processes"
        )


class Screen:
    """Prints; nothing that it is given is markup."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self._printed = 0.0
        self._last = ""
        self._bar: Progress | None = None
        if console.is_terminal:
            self._bar = Progress(
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn("{task.fields[text]}", markup=False),
                TimeElapsedColumn(),
                console=console,
                transient=True,
            )
            self._task = self._bar.add_task("files", total=None, text="")

    def __enter__(self) -> Self:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def say(self, text: str) -> None:
        """Print a line above the bar."""
        self.console.print(plain(text), soft_wrap=True)

    def draw(self, shown: RenderableType) -> None:
        """Print a table above the bar."""
        self.console.print(shown)

    def show(self, moment: Moment) -> None:
        """Move the bar, or print a line now and then."""
        if self._bar is not None:
            self._bar.update(
                self._task, completed=moment.done, total=moment.total, text=moment.text
            )
            return
        line = f"{number(moment.done)} of {number(moment.total)} files · {moment.text}"
        now = time.monotonic()
        if now - self._printed >= LINE_SECONDS and line != self._last:
            self._printed, self._last = now, line
            self.say(line)
