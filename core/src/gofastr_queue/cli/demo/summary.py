"""What the demo says at its end."""

from __future__ import annotations

from attrs import frozen
from rich.panel import Panel
from rich.table import Table

from gofastr_queue.cli.demo.tally import Tally
from gofastr_queue.cli.texts import number


@frozen
class Latency:
    """How long jobs waited from the moment they were enqueued or due until they were started."""

    jobs: int
    p50: float | None
    p99: float | None

    @property
    def text(self) -> str:
        """The figures."""
        if self.p50 is None or self.p99 is None:
            return "none in this run"
        return f"p50 {_milliseconds(self.p50)}, p99 {_milliseconds(self.p99)} ({number(self.jobs)})"


@frozen
class Summary:
    """Counts of all runs together, and the speed of this one."""

    files: int
    lines: int
    tokens: int
    unreadable: int
    counted_before: int
    counted_now: int
    seconds: float
    jobs_per_second: float
    pick_up_new: Latency
    pick_up_again: Latency
    retries: int
    dead_letters: int
    replayed: int
    missing: int


def summarize(tally: Tally, planned: set[str], since: float, before: int) -> Summary:
    """Ask the results for everything."""
    totals = tally.totals()
    now, last = tally.counted_since(since)
    seconds = max(last - since, 0.0)
    dead, replayed = tally.dead()
    return Summary(
        files=totals.files,
        lines=totals.lines,
        tokens=totals.tokens,
        unreadable=totals.unreadable,
        counted_before=before,
        counted_now=now,
        seconds=round(seconds, 3),
        jobs_per_second=round(now / seconds, 1) if seconds else 0.0,
        pick_up_new=_latency(tally.waits(since, again=False)),
        pick_up_again=_latency(tally.waits(since, again=True)),
        retries=tally.retries(),
        dead_letters=dead,
        replayed=replayed,
        missing=len(planned - tally.counted()),
    )


def panel(summary: Summary) -> Panel:
    """Return the summary for people."""
    rows = Table.grid(padding=(0, 2))
    unreadable = f", {summary.unreadable} recorded as unreadable" if summary.unreadable else ""
    before = f", {number(summary.counted_before)} before it" if summary.counted_before else ""
    run = [
        ("this run", f"{number(summary.counted_now)} files in {summary.seconds:.1f} s{before}"),
        ("speed", f"{summary.jobs_per_second:.0f} jobs/s"),
        ("pick-up, new jobs", f"{summary.pick_up_new.text}, behind the backlog"),
        ("pick-up, retries", f"{summary.pick_up_again.text}, from due to started"),
    ]
    for name, value in (
        ("files", f"{number(summary.files)}{unreadable}"),
        ("lines", number(summary.lines)),
        ("tokens", number(summary.tokens)),
        *(run if summary.counted_now else ()),
        ("retries", number(summary.retries)),
        ("dead letters", f"{number(summary.dead_letters)}, {number(summary.replayed)} replayed"),
        ("not counted", number(summary.missing)),
    ):
        rows.add_row(name, value)
    return Panel(rows, title="summary", title_align="left", expand=False)


def _latency(waits: list[float]) -> Latency:
    """Return nearest-rank percentiles of ascending values."""
    if not waits:
        return Latency(0, None, None)
    p50, p99 = (waits[-(-len(waits) * percent // 100) - 1] for percent in (50, 99))
    return Latency(len(waits), round(p50, 6), round(p99, 6))


def _milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms" if seconds < 10 else f"{seconds:.1f} s"  # noqa: PLR2004 - readable
