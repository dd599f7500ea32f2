"""What happened, pieced together from the files of every process."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from attrs import Factory, frozen
from tests.faults import effects, lines, recorder
from tests.faults.effects import Effect

FOREVER = 2**63 - 1
"""When a call ended of which nobody knows whether or when it took effect."""


@frozen(kw_only=True)
class Op:
    """What one call asked of one job, or of the store where ``id`` is empty, and what came of it.

    ``phase`` is ``ok``, ``fail`` (it did not happen) or ``info`` (nobody knows). ``invoked`` and
    ``ended``, ``lease`` and ``delay`` are ns of the monotonic clock; ``seen`` (the end of the call)
    and ``due`` are µs of the time of day. ``value`` is what was returned for the job.
    """

    op: str
    phase: str = "ok"
    process: str = ""
    call: int = 0
    id: str = ""
    token: str = ""
    attempt: int = 0
    invoked: int
    ended: int
    seen: int = 0
    value: Any = None
    outcome: str = ""
    lease: int = 0
    delay: int = 0
    due: int = 0
    place: int = 0
    priority: int = 0
    max_attempts: int = 3

    @property
    def happened(self) -> bool:
        """Whether it took effect."""
        return self.phase == "ok" and self.value is not False

    @property
    def may_have_happened(self) -> bool:
        """Whether it took effect, as far as anybody knows."""
        return self.happened or self.phase == "info"


@frozen(slots=False)
class History:
    """Every call, every effect, and what is left in the store: id -> status."""

    ops: tuple[Op, ...]
    effects: tuple[Effect, ...] = ()
    left: Mapping[str, str] = Factory(dict)

    @cached_property
    def kinds(self) -> Mapping[str, list[Op]]:
        """The calls of each operation."""
        return _by(self.ops, lambda op: op.op)

    def of(self, *kinds: str) -> list[Op]:
        """Return the calls of some operations."""
        return [op for kind in kinds for op in self.kinds.get(kind, [])]

    @cached_property
    def claims(self) -> Mapping[str, list[Op]]:
        """The claims of each job that somebody received, in the order in which they were made."""
        found = _by(self.of("claim"), lambda op: op.id)
        return {id: sorted(claims, key=self._place) for id, claims in found.items()}

    @cached_property
    def settlements(self) -> Mapping[str, list[Op]]:
        """The acks and nacks of each token."""
        return _by(self.of("ack", "nack"), lambda op: op.token)

    @cached_property
    def extensions(self) -> Mapping[str, list[Op]]:
        """The renewals of each token."""
        return _by(self.of("extend"), lambda op: op.token)

    @cached_property
    def replays(self) -> Mapping[str, list[Op]]:
        """The replays of each job."""
        return _by(self.of("replay"), lambda op: op.id)

    @cached_property
    def unknown_claims(self) -> list[int]:
        """When those calls were made that may have claimed what nobody received, in order."""
        return sorted(op.invoked for op in self.of("claims") if op.phase == "info")

    def life(self, claim: Op) -> int:
        """Return how often the job had been replayed before a claim."""
        return sum(one.invoked < claim.invoked for one in self.replays.get(claim.id, []))

    def given_back(self, claim: Op) -> Op | None:
        """Return what gave a claim back uncounted, if anything may have."""
        for op in self.settlements.get(claim.token, []):
            if op.outcome == "give back" and op.may_have_happened:
                return op
        return None

    def _place(self, claim: Op) -> tuple[int, int, int, int]:
        """Order claims of one job: an attempt that comes again does so after it was given back."""
        back = self.given_back(claim)
        return self.life(claim), claim.attempt, back.invoked if back else FOREVER, claim.ended


def read(folder: Path, left: Mapping[str, str]) -> History:
    """Read what the processes wrote to ``folder``."""
    ops = [op for file in sorted(folder.glob(f"{recorder.KIND}-*")) for op in _ops(file)]
    return History(tuple(ops), tuple(effects.read(folder)), left)


def _ops(file: Path) -> Iterable[Op]:
    asked: dict[Any, dict[str, Any]] = {}
    for line in lines.read(file):
        key = (line["call"], line["op"], line.get("id"), line.get("token"))
        if line["phase"] == "invoke":
            asked[key] = line
        else:
            whole = (line["call"], f"{line['op']}s", None, None)
            first = asked.pop(key, None) or asked[whole]
            yield _op(file.stem, first, line)
    for line in asked.values():
        yield _op(file.stem, line, None)


def pid_of(process: str) -> int:
    """Return the pid in the name of a process's file, which ends with pid and moment."""
    return int(process.rsplit("-", 2)[1])


def _op(process: str, asked: dict[str, Any], answer: dict[str, Any] | None) -> Op:
    told = {**asked, **(answer or {})}
    fields = {name: told[name] for name in told if name not in {"phase", "mono", "wall", "limit"}}
    return Op(
        phase="info" if answer is None else answer["phase"],
        process=process,
        invoked=asked["mono"],
        ended=FOREVER if answer is None else answer["mono"],
        seen=0 if answer is None else answer["wall"],
        **fields,
    )


def _by(ops: Iterable[Op], key: Any) -> Mapping[str, list[Op]]:
    found: dict[str, list[Op]] = defaultdict(list)
    for op in ops:
        found[key(op)].append(op)
    return found
