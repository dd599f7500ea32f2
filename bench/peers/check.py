"""Whether every peer does all that it may be asked: ``python -m bench.peers.check [NAME ...]``.

Each runs in a throw-away store with few jobs; its numbers are printed, not judged.  With more jobs
(``--jobs 20000 --singles 2000``) they begin to mean something.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
from contextlib import suppress
from typing import Any

from attrs import frozen
from bench.calibration import calibrate
from bench.contest import field
from bench.contest.arena import ARENAS, Arena
from bench.contest.caller import Caller, ContestantError, Refusal
from bench.report import say

SECONDS = 300.0
BY = 1_000
PICKUPS = 20
PAUSE = 0.05
RATE = 20.0
"""Jobs a second that every peer can do."""

COLUMNS = ("enqueue/s", "bulk/s", "drain/s", "2 drain/s", "ms p50", "ms max", "mixed ms")


@frozen
class Check:
    """Orders for one peer, and what it has told, by column."""

    caller: Caller
    told: dict[str, str]

    def ask(self, do: str, **values: object) -> dict[str, Any] | None:
        """Give an order; return None if it is refused."""
        try:
            return self.caller.ask(do, SECONDS, **values)
        except Refusal as refusal:
            say(str(refusal))
            return None

    def left(self, jobs: int) -> None:
        """Raise if the store holds any other number of jobs."""
        answer = self.ask("left")
        if answer != {"jobs": jobs}:
            raise ContestantError(f"{jobs} must be left: {answer}")

    def fill(self, singles: int, jobs: int) -> None:
        """Enqueue one at a time, and the rest in bulk if that is not refused."""
        self._rate("enqueue/s", singles, self.ask("enqueue", jobs=singles))
        rest = jobs - singles
        bulk = self.ask("bulk", jobs=rest, by=BY)
        self._rate("bulk/s", rest, bulk)
        if bulk is None:
            self.ask("enqueue", jobs=rest)
        self.left(jobs)

    def drain(self, column: str, processes: int, jobs: int) -> bool:
        """Drain; raise if any job is not handled once, or left; return False if it is refused."""
        answer = self.ask("work", processes=processes, jobs=jobs)
        self._rate(column, jobs, answer)
        if answer is None:
            return False
        if answer["handled"] != jobs:
            raise ContestantError(f"{jobs} must be handled: {answer}")
        self.left(0)
        return True

    def latencies(self) -> None:
        """Time an idle worker, and then one that has a little to do."""
        answer = self.ask("pickup", jobs=PICKUPS, pause=PAUSE)
        assert answer is not None
        millis = sorted(answer["ms"])
        assert len(millis) == PICKUPS
        self.told["ms p50"] = f"{statistics.median(millis):.2f}"
        self.told["ms max"] = f"{millis[-1]:.2f}"
        self.left(0)
        answer = self.ask("mixed", rate=RATE, seconds=PICKUPS / RATE)
        assert answer is not None
        assert len(answer["ms"]) == PICKUPS
        assert answer["cpu_seconds"] > 0
        self.told["mixed ms"] = f"{statistics.median(answer['ms']):.2f}"
        self.left(0)

    def stop(self) -> None:
        """Stop it; raise if anything that it has started is still there."""
        assert self.ask("stop") == {"ok": True}
        process = self.caller._process  # noqa: SLF001 - before it ends what is left by force
        process.wait(SECONDS)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, 0)
            raise ContestantError("something that it has started runs on")

    def _rate(self, column: str, jobs: int, answer: dict[str, Any] | None) -> None:
        self.told[column] = f"{jobs / answer['seconds']:,.0f}" if answer else "-"


def check(module: str, arena: Arena, singles: int, jobs: int) -> dict[str, str]:
    """Give one peer every order; return what it tells, or raise ``ContestantError``."""
    with Caller(module, arena.place(module.rpartition(".")[2])) as caller:
        one = Check(caller, {})
        about = caller.ask("prepare", SECONDS)
        say(f"{about['name']} {about['version']}: {about['durability']}")
        if arena.durability not in about["durability"]:
            raise ContestantError(f"it must be {arena.durability!r}")
        one.left(0)
        one.fill(singles, jobs)
        one.drain("drain/s", 1, jobs)
        one.fill(singles, jobs)
        if not one.drain("2 drain/s", 2, jobs):
            one.drain("drain/s", 1, jobs)
        one.latencies()
        one.stop()
    return one.told


def options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(field.PEERS))
    parser.add_argument("--backend", choices=[*ARENAS, "all"], default="all")
    parser.add_argument("--jobs", type=int, default=200, help="to drain (%(default)s)")
    parser.add_argument("--singles", type=int, default=100, help="of them enqueued one at a time")
    return parser.parse_args()


def main() -> None:
    """Check the peers that are named, or all."""
    given = options()
    stores = list(ARENAS) if given.backend == "all" else [given.backend]
    asked = tuple(given.names or field.PEERS)
    rows: list[tuple[str, ...]] = [("store", "peer", *COLUMNS)]
    failed = []
    try:
        field.check(stores, asked)
    except field.FieldError as error:
        sys.exit(f"bench: {error}")
    for arena_of in (each for store in stores for each in ARENAS[store]):
        with arena_of() as arena:
            for peer in field.peers(arena.store, asked)[0]:
                try:
                    told = check(peer.module, arena, given.singles, given.jobs)
                except ContestantError as error:
                    failed.append(f"{arena.name}: {peer.name}: {error}")
                    say(failed[-1])
                else:
                    rows.append((arena.name, peer.name, *(told[each] for each in COLUMNS)))
                    say(f"load {os.getloadavg()[0]:.1f}, loop {calibrate():.1f} ms: {rows[-1]}")
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print("  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)))
    if failed:
        sys.exit("\n".join(failed))


if __name__ == "__main__":
    main()
