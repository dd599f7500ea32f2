"""A plugin that writes down every call at the seam: what was asked, and what came back.

An ``invoke`` line is written before the backend is called and an ``ok`` or ``fail`` line after it
has answered, one for each job. What has no second line is unknown: it may have taken effect or not.
``mono`` is the monotonic clock in ns, which all processes of a machine share; ``wall`` the time of
day in µs, whatever clock the process itself was given.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Generator, Iterable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from attrs import frozen
from tests.faults.lines import Lines

from gofastr_queue import hookimpl
from gofastr_queue.errors import DuplicateJob, InvalidJob, StoreFull
from gofastr_queue.job import Claim
from gofastr_queue.records import (
    Ack,
    AnyClaim,
    Batch,
    Count,
    Draft,
    JobQuery,
    Put,
    Release,
    Settled,
    StoredClaim,
    StoredJob,
)

KIND = "calls"

NOTHING_DONE = (DuplicateJob, InvalidJob, StoreFull)
"""Errors that promise that nothing happened; after any other, nobody knows."""

Watched = Generator[None, Any, Any]


@frozen
class Call:
    """One call: its number in this process, and what it asked."""

    number: int
    asked: tuple[dict[str, Any], ...]


class Recorder:
    """Writes the calls of one process."""

    def __init__(self, folder: Path) -> None:
        self._lines = Lines(folder, KIND)
        self._numbers = itertools.count(1)

    @hookimpl(wrapper=True)
    def queue_put(self, drafts: Sequence[Draft]) -> Watched:
        call = self._invoke(_put(place, draft) for place, draft in enumerate(drafts))
        puts: list[Put] = yield from self._watch(call)
        told = [
            {**asked, "value": put.new, "due": _micros(put.job.scheduled_at)}
            for asked, put in zip(call.asked, puts, strict=True)
        ]
        self._answer(call, told)
        return puts

    @hookimpl(wrapper=True)
    def queue_claim(self, limit: int, lease: timedelta) -> Watched:
        call = self._invoke([{"op": "claims", "limit": limit}])
        batch: Batch = yield from self._watch(call)
        self._answer(call, [*_claims(batch.claims, lease), *call.asked])
        return batch

    @hookimpl(wrapper=True)
    def queue_ack(self, acks: Sequence[Ack]) -> Watched:
        call = self._invoke(_ack(one) for one in acks)
        done: list[Ack] = yield from self._watch(call)
        self._answer(call, _settled(call.asked, done))
        return done

    @hookimpl(wrapper=True)
    def queue_nack(self, releases: Sequence[Release]) -> Watched:
        call = self._invoke(_nack(one) for one in releases)
        done: list[Release] = yield from self._watch(call)
        self._answer(call, _settled(call.asked, done))
        return done

    @hookimpl(wrapper=True)
    def queue_turn(
        self, acks: Sequence[Ack], releases: Sequence[Release], limit: int, lease: timedelta
    ) -> Watched:
        settling = [*map(_ack, acks), *map(_nack, releases)]
        claiming = {"op": "claims", "limit": limit}
        call = self._invoke([*settling, claiming])
        settled: Settled
        batch: Batch
        settled, batch = yield from self._watch(call)
        told = _settled(settling, [*settled.acks, *settled.releases])
        self._answer(call, [*told, *_claims(batch.claims, lease), claiming])
        return settled, batch

    @hookimpl(wrapper=True)
    def queue_extend(self, claims: Sequence[AnyClaim], lease: timedelta) -> Watched:
        call = self._invoke(
            {"op": "extend", **_names(claim), "lease": _nanos(lease)} for claim in claims
        )
        kept: list[Claim] = yield from self._watch(call)
        tokens = {claim.token for claim in kept}
        self._answer(call, [{**asked, "value": asked["token"] in tokens} for asked in call.asked])
        return kept

    @hookimpl(wrapper=True)
    def queue_reclaim(self, limit: int) -> Watched:
        call = self._invoke([{"op": "reclaims", "limit": limit}])
        jobs: list[StoredJob] = yield from self._watch(call)
        told = [
            {"op": "reclaim", "id": job.id, "attempt": job.attempts, "value": job.status}
            for job in jobs
        ]
        self._answer(call, [*told, *call.asked])
        return jobs

    @hookimpl(wrapper=True)
    def queue_replay(self) -> Watched:
        call = self._invoke([{"op": "replays"}])
        ids: list[str] = yield from self._watch(call)
        told = [{"op": "replay", "id": id, "value": True} for id in ids]
        self._answer(call, [*told, *call.asked])
        return ids

    @hookimpl(wrapper=True)
    def queue_purge(self, query: JobQuery) -> Watched:
        ids = () if query.ids is None else query.ids
        call = self._invoke({"op": "purge", "id": id} for id in ids)
        removed: int = yield from self._watch(call)
        whole = removed in {0, len(ids)}  # else nobody knows which of them
        self._answer(call, [{**asked, "value": removed > 0} for asked in call.asked if whole])
        return removed

    @hookimpl(wrapper=True)
    def queue_stats(self) -> Watched:
        call = self._invoke([{"op": "stats"}])
        counts: list[Count] = yield from self._watch(call)
        self._answer(call, [{"op": "stats", "value": sum(one.count for one in counts)}])
        return counts

    def _invoke(self, asked: Iterable[dict[str, Any]]) -> Call:
        call = Call(next(self._numbers), tuple(asked))
        self._write("invoke", call, call.asked)
        return call

    def _watch(self, call: Call) -> Watched:
        try:
            return (yield)
        except BaseException as error:
            if isinstance(error, NOTHING_DONE):
                self._write("fail", call, call.asked)
            raise

    def _answer(self, call: Call, told: Iterable[dict[str, Any]]) -> None:
        self._write("ok", call, told)

    def _write(self, phase: str, call: Call, parts: Iterable[dict[str, Any]]) -> None:
        mono, wall = time.monotonic_ns(), time.clock_gettime_ns(time.CLOCK_REALTIME) // 1_000
        for part in parts:
            self._lines.write(phase=phase, call=call.number, mono=mono, wall=wall, **part)


def _put(place: int, draft: Draft) -> dict[str, Any]:
    return {
        "op": "put",
        "id": draft.id,
        "place": place,
        "priority": draft.priority,
        "max_attempts": draft.max_attempts,
        "delay": 0 if draft.delay is None else _nanos(draft.delay),
    }


def _ack(ack: Ack) -> dict[str, Any]:
    return {"op": "ack", **_names(ack.claim)}


def _nack(release: Release) -> dict[str, Any]:
    return {
        "op": "nack",
        **_names(release.claim),
        "outcome": release.outcome,
        "delay": _nanos(release.delay),
    }


def _names(claim: AnyClaim) -> dict[str, Any]:
    return {"id": claim.job.id, "token": claim.token, "attempt": claim.job.attempts}


def _claims(claims: Iterable[StoredClaim], lease: timedelta) -> list[dict[str, Any]]:
    return [
        {"op": "claim", **_names(claim), "lease": _nanos(lease), "place": place}
        for place, claim in enumerate(claims)
    ]


def _settled(
    asked: Iterable[dict[str, Any]], done: Iterable[Ack | Release]
) -> list[dict[str, Any]]:
    current = {one.claim.token for one in done}
    return [{**one, "value": one["token"] in current} for one in asked]


def _nanos(span: timedelta) -> int:
    return span // timedelta(microseconds=1) * 1_000


def _micros(moment: datetime) -> int:
    return int(moment.timestamp() * 1_000_000)
