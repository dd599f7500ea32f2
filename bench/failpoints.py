"""What failpoints cost: drains without any, and with one that is on and never reached.

python -m bench.failpoints [--against CHECKOUT] [--rounds 10] [--jobs 20000]

``--against`` adds a checkout that has no failpoints.  Every round runs each in an interpreter of
its own, in random order; what is compared is the processor time of the quickest.  Others at work
make that noise all the same, so the calls that do nothing are counted too, and one is timed.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
import timeit
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

ROOT = Path(__file__).parents[1]
SOURCES = ("core/src", "plugins/memory/src", "plugins/sql/src")
ARMED = "nack.before_send:1000000000:exit"
"""One that no drain passes: what is left is the cost of having some on."""

ARMED_HERE = ",".join(
    f"{verb}.{place}:1000000000:exit"
    for verb in ("claim", "ack", "turn")
    for place in ("before_send", "after_commit")
)


WHERE = ("memory by hand", "SQLite by hand", "memory by a worker")


def counted(jobs: int) -> None:
    """Print how often a drain calls the function that does nothing, and what a call takes."""
    from gofastr_queue import failpoints  # noqa: PLC0415 - the checkout without it has none

    calls, code = [0], failpoints.nothing.__code__

    def profile(frame: FrameType, event: str, _: object) -> None:
        calls[0] += event == "call" and frame.f_code is code

    threading.setprofile(profile)
    sys.setprofile(profile)
    before, found = 0, []
    for name, seconds in drains(jobs):
        found.append((name, calls[0] - before, seconds))
        before = calls[0]
    sys.setprofile(None)
    threading.setprofile(None)
    once = min(timeit.repeat("call()", globals={"call": failpoints.nothing}, number=100_000)) / 1e5
    for name, number, _ in found:
        print(f"{name}: {number} calls that do nothing for {jobs} jobs, {once * 1e9:.0f} ns each")


def drains(jobs: int) -> Iterator[tuple[str, float]]:
    """Yield the processor seconds of draining memory and SQLite by hand, memory by a worker."""
    from gofastr_queue import Job, Queue  # noqa: PLC0415 - the parent has none of it

    with tempfile.TemporaryDirectory() as folder:
        for name, url in zip(WHERE, ("memory://", f"sqlite:///{folder}/jobs.db"), strict=False):
            with Queue.open(url) as queue:
                queue.enqueue_many([Job(type="t")] * jobs, chunk=10_000)
                begin = time.process_time()
                while claims := queue.claim(100):
                    queue.ack_many(claims)
                yield name, time.process_time() - begin
        with Queue.open("memory://") as queue:
            queue.register_handler("t", lambda _: None)
            queue.enqueue_many([Job(type="t")] * jobs, chunk=10_000)
            begin = time.process_time()
            queue.start(2)
            assert queue.join(300)
            yield WHERE[2], time.process_time() - begin


def measured(checkout: Path, wish: str, jobs: int) -> list[float]:
    """Run the drains in a fresh interpreter on a checkout's sources."""
    path = os.pathsep.join(str(checkout / source) for source in SOURCES)
    done = subprocess.run(  # noqa: S603 - this interpreter, this file
        [sys.executable, __file__, "--drain", "--jobs", str(jobs)],
        env=os.environ | {"PYTHONPATH": path, "GOFASTR_FAILPOINTS": wish},
        check=True,
        capture_output=True,
        text=True,
    )
    return [float(line) for line in done.stdout.split()]


def main() -> None:
    """Measure and print ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--against", type=Path)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--jobs", type=int, default=20_000)
    parser.add_argument("--drain", action="store_true")
    given = parser.parse_args()
    if given.drain:
        print(*(seconds for _, seconds in drains(given.jobs)))
        return
    counted(given.jobs)
    variants = {
        "off": (ROOT, ""),
        "another is on": (ROOT, ARMED),
        "these are on": (ROOT, ARMED_HERE),
    }
    if given.against:
        variants["no failpoints in the code"] = (given.against, "")
    print(f"{given.rounds} rounds of {given.jobs} jobs; load {os.getloadavg()}")
    times: dict[str, list[list[float]]] = {name: [] for name in variants}
    for _ in range(given.rounds):
        for name in random.sample(list(variants), len(variants)):
            times[name].append(measured(*variants[name], given.jobs))
    print(f"processor time, the quickest of all rounds, and against 'off'; load {os.getloadavg()}")
    for name, rounds in times.items():
        for place, what in enumerate(WHERE):
            best, off = (min(one[place] for one in some) for some in (rounds, times["off"]))
            print(f"{name:28} {what:20} {best:.3f} s {best / off:.3f}")


if __name__ == "__main__":
    main()
