"""Drivers, this queue and others side by side, and what stays flat: ratios within one run.

python -m bench [--backend NAME] [--peers NAMES] [--only NAME] [--seed N] [--quick] [--json FILE]
"""

from __future__ import annotations

import argparse
import os
import random
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

from attrs import asdict, fields
from bench import churn, counts, due, held, others, pairs, resident, weight
from bench.calibration import USUAL_MILLIS, calibrate
from bench.contest import contest, field
from bench.contest.rows import CONTEST
from bench.memory import memory_store
from bench.postgres import postgres_store
from bench.redis import redis_store
from bench.report import Row, save, say, show, table
from bench.sizes import FULL, QUICK, Sizes
from bench.stores import Store, sqlite_store
from tests.servers import postgres, redis
from tests.servers.guard import PORT

Measure = Callable[[Store, Sizes, random.Random], Iterator[Row]]

STORES: dict[str, Callable[[], AbstractContextManager[Store]]] = {
    "sqlite": sqlite_store,
    "postgresql": postgres_store,
    "redis": redis_store,
    "memory": memory_store,
}

MEASURES: dict[str, tuple[Measure, tuple[str, ...]]] = {
    "others": (others.measure, ("sqlite", "postgresql", "redis", "memory")),
    "pairs": (pairs.measure, ("sqlite", "postgresql", "redis")),
    "due": (due.measure, ("sqlite", "postgresql", "redis")),
    "counts": (counts.measure, ("sqlite", "postgresql", "redis", "memory")),
    "churn": (churn.measure, ("sqlite", "postgresql")),
    "held": (held.measure, ("postgresql",)),
    "weight": (weight.measure, ("redis",)),
    "resident": (resident.measure, ("memory",)),
}
"""Measurements by name, and the stores in which they mean something."""


def options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__.split("\n")[0])
    parser.add_argument("--backend", choices=[*STORES, "all"], default="all")
    parser.add_argument("--peers", default="all", help="of the contest, for instance rq,saq; none")
    parser.add_argument("--only", action="append", choices=[CONTEST, *MEASURES], metavar="NAME")
    parser.add_argument("--quick", action="store_true", help="small sizes, which judge no goal")
    for size in fields(Sizes):
        kind = type(size.default)
        parser.add_argument(f"--{size.name}", type=kind, help=f"{size.default:,} for the goals")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**32))
    parser.add_argument("--port", help="the only port for servers, which are one at a time")
    parser.add_argument("--json", type=Path, metavar="FILE")
    return parser.parse_args()


def chosen(given: argparse.Namespace) -> Sizes:
    """Return the sizes of the goals, or smaller ones, each unless it is given."""
    sizes = asdict(QUICK if given.quick else FULL)
    return Sizes(
        **{
            name: size if getattr(given, name) is None else getattr(given, name)
            for name, size in sizes.items()
        }
    )


def run(given: argparse.Namespace, sizes: Sizes, settings: dict[str, str]) -> Iterator[Row]:
    """Measure one store after the other."""
    asked: contest.Asked = "all"
    if given.peers != "all":
        asked = tuple(name for name in given.peers.split(",") if name not in {"", "none"})
    names = list(STORES) if given.backend == "all" else [given.backend]
    field.check(names, asked)
    for name in names:
        if given.only is None or CONTEST in given.only:
            yield from contest.measure(name, asked, sizes, _chance(given.seed, CONTEST))
        measures = {
            each: measure
            for each, (measure, stores) in MEASURES.items()
            if name in stores and (given.only is None or each in given.only)
        }
        if not measures:
            continue
        with STORES[name]() as store:
            settings[name] = store.settings
            say(f"{name}: {store.settings}")
            for each, measure in measures.items():
                yield from measure(store, sizes, _chance(given.seed, each))


def main() -> None:
    """Measure and print."""
    given = options()
    sizes = chosen(given)
    if given.port:
        os.environ[PORT] = given.port
    say(f"seed {given.seed}, {sizes}, load {os.getloadavg()}, {os.cpu_count()} cores")
    say(f"calibration loop {calibrate():.1f} ms, usually {USUAL_MILLIS} ms")
    if not sizes.full(*asdict(sizes)):
        say("a quick run: smaller than the goals, so it judges none of them")
    settings: dict[str, str] = {}
    rows: list[Row] = []
    try:
        for row in run(given, sizes, settings):
            rows.append(row)
            show(row)
    except (field.FieldError, postgres.ServerError, redis.ServerError) as error:
        sys.exit(f"bench: {error}")
    finally:  # a run takes hours: what was measured before it broke off is kept
        if rows:
            print(table(rows, colours=sys.stdout.isatty()))
            say(f"load {os.getloadavg()}")
        if given.json and rows:
            save(given.json, given.seed, str(sizes), settings, rows)
    if any(row.failed for row in rows):
        sys.exit("bench: somebody did not do what was claimed: see FAILED")


def _chance(seed: int, name: str) -> random.Random:
    return random.Random(f"{seed} {name}")  # noqa: S311 - repeatable, no secret


if __name__ == "__main__":
    main()
