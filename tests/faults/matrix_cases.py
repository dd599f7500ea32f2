"""Which process dies where: every failpoint, at its first and at its second time."""

from __future__ import annotations

from collections.abc import Iterator

from attrs import evolve, frozen

from gofastr_queue import failpoints

ENDS = ("exit", "stop", "late")
"""A process ends, or stops and is killed later, or stops and goes on when all is over."""


@frozen
class Case:
    """A work that dies at the ``time``-th reaching of a failpoint, its step ``hit``.

    ``done`` is how many steps are committed then.
    """

    work: str
    point: str
    time: int
    hit: int
    done: float
    end: str = "exit"

    @property
    def name(self) -> str:
        """For instance ``ack: commit.before 2 exit``."""
        return f"{self.work}: {self.point} {self.hit} {self.end}"


HOOKS = {
    "enqueue": ("enqueue", "bulk"),
    "claim": ("claim",),
    "ack": ("ack",),
    "nack": ("bury", "nack", "release"),
    "turn": ("turn", "worker"),
    "extend": ("extend", "long handlers"),
    "reclaim": ("reclaim", "worker"),
    "replay": ("replay",),
    "purge": ("purge",),
    "register": ("register",),
    "fire": ("fire",),
    "unregister": ("unregister",),
}
"""The works that reach a hook's failpoints, once in each step."""

WORKERS = {
    "worker.after_claim": "worker",
    "handler.before": "worker",
    "handler.after": "worker",
    "shutdown.after_stop_claiming": "stop",
    "shutdown.before_release": "stop",
}

BEFORE_COMMIT: dict[str, dict[str, int]] = {
    "sqlite": {
        "bulk": 0,
        "claim": 0,
        "ack": 1,
        "bury": 1,
        "turn": 1,
        "extend": 1,
        "reclaim": 0,
        "replay": 0,
        "purge": 0,
        "register": 0,
        "fire": 0,
        "unregister": 0,
    },
    "postgresql": {
        "bulk": 0,
        "claim": 0,
        "ack": 1,
        "bury": 1,
        "turn": 1,
        "register": 0,
        "fire": 0,
        "unregister": 0,
    },
    "redis": {},
}
"""Works of several statements in a transaction, and how often one commits before their steps."""

STEPS: dict[str, dict[tuple[str, str], tuple[float, float]]] = {
    "sqlite": {
        ("migrate", "migrate.between_statements"): (0, 0),
        ("reclaim", "reclaim.after_scan"): (0, 1),
    },
    "postgresql": {
        ("migrate", "migrate.between_statements"): (0, 0),
        ("bulk", "bulk.between_steps"): (0, 1),
        ("claim past others", "claim.between_steps"): (0.5, 1.5),
    },
    "redis": {
        ("bulk", "bulk.between_steps"): (0, 1),
        ("reclaim many", "reclaim.after_chunk"): (1, 2),
        ("replay many", "replay.after_chunk"): (1, 2),
        ("purge many", "purge.after_chunk"): (1, 2),
        ("fire many", "fire.after_chunk"): (1, 2),
    },
}
"""Works that commit in parts, and what is done at each time."""

NOT_THERE = {
    "sqlite": {"bulk.between_steps", "claim.between_steps", "fire.after_chunk"}
    | {f"{verb}.after_chunk" for verb in ("purge", "reclaim", "replay")},
    "postgresql": {"fire.after_chunk", "reclaim.after_scan"}
    | {f"{verb}.after_chunk" for verb in ("purge", "reclaim", "replay")},
    "redis": {
        "claim.between_steps",
        "commit.before",
        "migrate.between_statements",
        "reclaim.after_scan",
    },
}
"""Failpoints of what a backend does in one step."""

LATE = ("claim", "ack", "nack", "release", "turn", "extend", "reclaim", "fire")
LATE_WORKERS = ("worker", "stop")
"""Works that may go on when somebody else has finished them."""


WHOLE = {"bulk", "claim", "bury", "fire"}
"""Works of several statements that are tried where not all are."""

USUAL = {"claim.after_commit", "turn.after_commit", "fire.after_commit"}
"""Failpoints of hooks that are tried where not all are."""


def first_and_second(backend: str) -> Iterator[Case]:
    """Yield every case of a backend that ends by exit."""
    for verb, works in HOOKS.items():
        for work in works:
            for hit in (1, 2):
                yield Case(work, f"{verb}.before_send", hit, hit, hit - 1)
                yield Case(work, f"{verb}.after_commit", hit, hit, hit)
    for work, earlier in BEFORE_COMMIT[backend].items():
        for hit in (1, 2):
            yield Case(work, "commit.before", earlier + hit, hit, hit - 1)
    for (work, point), done in STEPS[backend].items():
        for hit in (1, 2):
            yield Case(work, point, hit, hit, done[hit - 1])
    for point, work in WORKERS.items():
        for hit in (1, 2):
            yield Case(work, point, hit, hit, 0)


def every(backend: str) -> list[Case]:
    """Return every case of a backend."""
    return [
        evolve(case, end=end)
        for case in first_and_second(backend)
        for end in ENDS
        if end != "late" or goes_on(backend, case)
    ]


def goes_on(backend: str, case: Case) -> bool:
    """Tell whether others can finish what a process does that has only stopped.

    Not inside a transaction, whose locks it keeps, as a thread of a worker may be wherever there
    are transactions.  Nor may it repeat an enqueue: the job is done by then, and would be there
    anew.
    """
    works = (*LATE, *LATE_WORKERS) if backend == "redis" else LATE
    return case.work in works and case.point != "commit.before"


def some(backend: str) -> list[Case]:
    """Return what is quick: SQLite's first times, and of others what only they do."""
    first = [case for case in first_and_second(backend) if case.hit == 1]
    works = {case.point: case.work for case in reversed(first)}
    quick = [
        case
        for case in first
        if case.work in (WHOLE if case.point == "commit.before" else {works[case.point]})
    ]
    if backend == "sqlite":  # each place once
        return quick
    own = {point for _, point in STEPS[backend]} | {"commit.before", *USUAL}
    late = Case("ack", "ack.before_send", 1, 1, 0, "late")
    return [*(case for case in quick if case.point in own), late]


def unreached(backend: str) -> set[str]:
    """Return the failpoints that no case of a backend names, and should."""
    named = {case.point for case in every(backend)}
    return set(failpoints.NAMES) - named - NOT_THERE[backend]
