"""What stays flat: a claim's cost behind a million other jobs, and the memory of a million jobs.

    python bench/scale.py [--others 1000000] [--rounds 40] [--seed N]

Two SQLite files are measured in turn, one empty but for the measured jobs, one that also holds
``others``: later-scheduled with higher priority, of another lane, of another type, and failed, in
equal parts, with random lanes, types, priorities and times. A round claims and acks 100 jobs.
"""

from __future__ import annotations

import argparse
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from gofastr_queue.ids import new_id
from gofastr_queue.lifecycle import Status
from gofastr_queue.records import Ack, Draft, Want
from gofastr_queue_sql import SqliteBackend

BATCH = 100
LEASE = timedelta(minutes=5)
PAYLOAD = '{"to":"user@example.com","subject":"' + "x" * 62 + '"}'
GOAL_RATIO = 1.5
GOAL_BYTES = 1_200_000_000


def others(count: int, chance: random.Random) -> Iterator[Draft]:
    """Yield jobs that the measured claims must not pay for."""
    now = datetime.now(UTC)
    for index in range(count):
        kind = ("later", "lane", "type", "failed")[index % 4]
        later = timedelta(microseconds=chance.randrange(3_600_000_000, 86_400_000_000))
        yield Draft(
            id=new_id(),
            type=f"other-{chance.randrange(10)}" if kind == "type" else "mine",
            payload=PAYLOAD,
            lane=f"lane-{chance.randrange(10)}" if kind == "lane" else "",
            priority=chance.randrange(100, 1_000) if kind == "later" else chance.randrange(-50, 50),
            scheduled_at=now + later if kind == "later" else None,
            status=Status.FAILED if kind == "failed" else Status.PENDING,
            attempts=3 if kind == "failed" else 0,
        )


def fill(backend: SqliteBackend, drafts: Iterator[Draft]) -> None:
    """Store drafts, many at a time."""
    chunk: list[Draft] = []
    for draft in drafts:
        chunk.append(draft)
        if len(chunk) == 10_000:  # noqa: PLR2004 - what the queue stores at once
            backend.queue_put(chunk, "error", None, None)
            chunk = []
    backend.queue_put(chunk, "error", None, None)


def claim_and_ack(backend: SqliteBackend) -> float:
    """Return the seconds that claiming and acking one batch takes."""
    mine = [Draft(id=new_id(), type="mine", payload=PAYLOAD) for _ in range(BATCH)]
    backend.queue_put(mine, "error", None, None)
    want = Want(types=frozenset({"mine"}), lanes=frozenset({""}))
    begin = time.perf_counter()
    claims = backend.queue_claim(want, BATCH, LEASE, "bench", None).claims
    acked = backend.queue_ack([Ack(claim) for claim in claims], None)
    seconds = time.perf_counter() - begin
    assert {claim.job.id for claim in claims} == {draft.id for draft in mine}, "claimed others"
    assert len(acked) == BATCH, "not every ack was current"
    return seconds


def claims(folder: Path, count: int, rounds: int, chance: random.Random) -> float:
    """Return the cost behind others, as a multiple of the cost without."""
    empty = SqliteBackend(folder / "empty.db", synchronous="normal")
    full = SqliteBackend(folder / "full.db", synchronous="normal")
    begin = time.perf_counter()
    fill(full, others(count, chance))
    print(f"  stored {count:,} other jobs in {time.perf_counter() - begin:.0f} s")
    costs: dict[str, list[float]] = {"empty": [], "full": []}
    for _ in range(rounds):
        costs["empty"].append(claim_and_ack(empty))
        costs["full"].append(claim_and_ack(full))
    stored = sum(row.count for row in full.queue_stats())
    assert stored == count, f"{stored} jobs are stored, {count} were"
    for name, seconds in costs.items():
        per_job = [1e6 * one / BATCH for one in seconds]
        low, middle, high = statistics.quantiles(per_job, n=4)
        print(f"  {name:6} {middle:7.1f} µs a job, quartiles {low:.1f}-{high:.1f}")
    empty.queue_close()
    full.queue_close()
    return statistics.median(costs["full"]) / statistics.median(costs["empty"])


def memory(count: int) -> int:
    """Return the peak resident bytes of a process that holds ``count`` pending jobs in memory."""
    script = Path(__file__).with_name("hold.py")
    done = subprocess.run(  # noqa: S603 - this interpreter, our script
        [sys.executable, str(script), str(count)], check=True, capture_output=True, text=True
    )
    return int(done.stdout)


def verdict(name: str, value: str, *, reached: bool) -> None:
    """Print one row of the result."""
    print(f"{'reached' if reached else 'MISSED '}  {name}: {value}")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--others", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**32))
    options = parser.parse_args()
    print(f"seed {options.seed}")
    with tempfile.TemporaryDirectory() as folder:
        chance = random.Random(options.seed)  # noqa: S311 - repeatable, not secret
        ratio = claims(Path(folder), options.others, options.rounds, chance)
    size = memory(options.others)
    verdict(
        f"SQLite claim+ack behind {options.others:,} other jobs ÷ empty",
        f"{ratio:.2f} (goal ≤ {GOAL_RATIO})",
        reached=ratio <= GOAL_RATIO,
    )
    verdict(
        f"memory backend with {options.others:,} pending jobs of 100 bytes",
        f"{size / 1e6:,.0f} MB RSS (goal < {GOAL_BYTES / 1e6:,.0f})",
        reached=size < GOAL_BYTES,
    )


if __name__ == "__main__":
    main()
