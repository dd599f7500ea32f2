"""The hooks of the Redis backend: many hosts, one server or cluster."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from attrs import evolve

from gofastr_queue import failpoints
from gofastr_queue.capabilities import Capability
from gofastr_queue.errors import BackendUnavailable, DuplicateJob
from gofastr_queue.hookspecs import hookimpl
from gofastr_queue.lifecycle import Status
from gofastr_queue.limits import LATEST
from gofastr_queue.records import (
    DUE_PER_CLAIM,
    Ack,
    AnyClaim,
    Batch,
    Count,
    Draft,
    Finding,
    JobQuery,
    Level,
    Outcome,
    Put,
    Release,
    Settled,
    StoredClaim,
    StoredJob,
    StoredPage,
    Want,
    new_tokens,
)
from gofastr_queue_redis import address, browsing, bulk, diagnosis, layout, rows
from gofastr_queue_redis.browsing import Browser
from gofastr_queue_redis.bulk import Bulk
from gofastr_queue_redis.errors import fail, translated
from gofastr_queue_redis.links import RedisClient, link
from gofastr_queue_redis.rows import MICROSECOND
from gofastr_queue_redis.scheduling import RedisScheduling
from gofastr_queue_redis.scripts import Scripts
from gofastr_queue_redis.waiting import Bell

log = logging.getLogger("gofastr_queue.redis")

OUTCOMES = {Outcome.RETRY: "r", Outcome.BURY: "b", Outcome.GIVE_BACK: "g"}

CAPABILITIES = frozenset(
    {
        Capability.MULTI_PROCESS,
        Capability.SERVER_CLOCK,
        Capability.PRIORITY,
        Capability.ATOMIC_BULK,
    }
)
"""Those that do not hang on how the server is configured."""

REMOVABLE = {None: "pf", Status.PENDING: "p", Status.CLAIMED: "", Status.FAILED: "f"}


between_steps = failpoints.point("bulk.between_steps")
after_reclaim = failpoints.point("reclaim.after_chunk")
after_replay = failpoints.point("replay.after_chunk")
after_purge = failpoints.point("purge.after_chunk")


def connect(
    url: str, *, name: str | None = None, cluster: bool | str | None = None
) -> RedisBackend:
    """Open ``redis://user:password@host:port/0`` or, by TLS, ``rediss://…``."""
    place = address.read(url, name, cluster)
    with translated(f"the queue {place.name!r} in Redis"):
        client = address.client(place)
    try:
        return RedisBackend(client, place.name, _owned=True)
    except BaseException:
        client.close()
        raise


class RedisBackend(RedisScheduling):
    """Jobs in a Redis or Valkey server, or in one slot of a cluster.

    ``client`` is a redis-py client of any kind but asynchronous, or whatever has its one method
    ``execute_command``; its owner closes it.  Queues of different names never see each other.
    """

    name = "redis"
    default_lease = timedelta(seconds=30)

    def __init__(
        self, client: RedisClient, name: str = address.NAME, *, _owned: bool = False
    ) -> None:
        self._where = f"the queue {address.queue_name(name)!r} in Redis"
        self._name = name
        with translated(self._where):
            self._link = link(client, f"{{{name}}}:jobs", own=_owned)
        self._client: Any = client if _owned else None
        self._scripts = Scripts(self._link, name)
        self._bell = Bell(self._link, self._scripts.bell)
        self._browser = Browser(self._run)
        self._closed = False
        with translated(self._where):
            said = diagnosis.info(self._link)
            if not diagnosis.supported(said):
                raise BackendUnavailable(_shown(diagnosis.version(said)))
            layout.prepare(self._link, name)
        self.capabilities = CAPABILITIES
        if diagnosis.durable(said):
            self.capabilities |= {Capability.DURABLE}
        for finding in (diagnosis.durability(said, ""), diagnosis.eviction(said)) if said else ():
            if finding.level is Level.BROKEN:
                log.warning("%s: %s", self._where, _shown(finding))

    def __repr__(self) -> str:
        return f"RedisBackend(name={self._name!r})"

    @hookimpl
    def queue_put(
        self, drafts: Sequence[Draft], on_conflict: str, now: datetime | None
    ) -> list[Put]:
        if bulk.fits(drafts, on_conflict):
            return self._put_many(drafts, now)
        if len(drafts) == 1 and drafts[0].plain:
            clock = self._run("put_plain", now, *rows.plain(drafts[0]))
            if clock:
                return [Put(drafts[0].job(rows.moment(rows.text(clock))), new=True)]
        given = [argument for draft in drafts for argument in rows.draft(draft)]
        clock, outcome, *found = self._run("put", now, on_conflict, len(drafts), *given)
        if rows.text(outcome) == "taken":
            raise DuplicateJob([rows.text(id) for id in found[0]])
        stored_at = rows.moment(rows.text(clock))
        fresh, kept = set(found[0]), {job.id: job for job in map(rows.stored, found[1])}
        puts: list[Put] = []
        for number, draft in enumerate(drafts, 1):
            if number in fresh:
                kept[draft.id] = draft.job(stored_at)
            puts.append(Put(kept[draft.id], new=number in fresh))
        return puts

    @hookimpl
    def queue_close(self) -> bool:
        if not self._closed:
            self._closed = True
            self._bell.end()
            self._link.close()
            if self._client is not None:
                self._client.close()
        return True

    @hookimpl
    def queue_claim(
        self, want: Want, limit: int, lease: timedelta, worker: str, now: datetime | None
    ) -> Batch:
        return self.queue_turn((), (), want, limit, lease, worker, now)[1]

    @hookimpl
    def queue_ack(self, acks: Sequence[Ack], now: datetime | None) -> list[Ack]:
        told = self._run("settle", now, *_acks(acks), *_releases(()))
        return [acks[number - 1] for number in told[1]]

    @hookimpl
    def queue_nack(self, releases: Sequence[Release], now: datetime | None) -> list[Release]:
        told = self._run("settle", now, *_acks(()), *_releases(releases))
        return [releases[number - 1] for number in told[2]]

    @hookimpl
    def queue_turn(
        self,
        acks: Sequence[Ack],
        releases: Sequence[Release],
        want: Want,
        limit: int,
        lease: timedelta,
        worker: str,
        now: datetime | None,
    ) -> tuple[Settled, Batch]:
        tokens = new_tokens(limit)
        told, acked, released, found = self._run(
            "turn",
            now,
            *_acks(acks),
            *_releases(releases),
            DUE_PER_CLAIM,
            limit,
            lease // MICROSECOND,
            worker,
            *_want(want),
            *tokens,
        )
        settled = Settled(
            tuple(acks[number - 1] for number in acked),
            tuple(releases[number - 1] for number in released),
        )
        return settled, _batch(rows.moment(rows.text(told)), found, limit, lease, worker, tokens)

    @hookimpl
    def queue_reclaim(self, limit: int, reason: str, now: datetime | None) -> list[StoredJob]:
        moved: list[StoredJob] = []
        while len(moved) < limit:
            asked = min(limit - len(moved), browsing.PAGE)
            found = self._run("reclaim", now, asked, reason)
            moved += map(rows.stored, found)
            after_reclaim()
            if len(found) < asked:
                break
        return moved

    @hookimpl
    def queue_extend(
        self, claims: Sequence[AnyClaim], lease: timedelta, now: datetime | None
    ) -> list[AnyClaim]:
        pairs = [part for claim in claims for part in (claim.job.id, claim.token)]
        extended = self._run("extend", now, lease // MICROSECOND, *pairs)
        return [
            evolve(claims[number - 1], lease_until=rows.moment(rows.text(until)))
            for number, until in extended
        ]

    @hookimpl
    def queue_browse(self, query: JobQuery) -> StoredPage:
        return self._browser.page(query)

    @hookimpl
    def queue_stats(self) -> list[Count]:
        return [
            Count(
                rows.LETTERS[rows.text(status)],
                rows.text(lane),
                rows.text(type),
                count,
                rows.moment(rows.text(oldest)),
            )
            for status, lane, type, count, oldest in self._run("stats", None)
        ]

    @hookimpl
    def queue_replay(self, query: JobQuery, now: datetime | None) -> list[str]:
        if query.status not in (None, Status.FAILED):
            return []
        replayed: list[str] = []

        def move(ids: list[str]) -> int:
            moved = self._run("replay", now, *ids)
            replayed.extend(map(rows.text, moved))
            after_replay()
            return len(moved)

        self._browser.move(evolve(query, status=Status.FAILED), move)
        return replayed

    @hookimpl
    def queue_purge(self, query: JobQuery) -> int:
        letters = REMOVABLE[query.status]
        if not letters:
            return 0

        def remove(ids: list[str]) -> int:
            removed = int(self._run("purge", None, letters, *ids))
            after_purge()
            return removed

        return self._browser.move(query, remove)

    @hookimpl
    def queue_wait(self, want: Want, timeout: timedelta, due: datetime | None = None) -> bool:
        with self._opened():
            pass
        try:
            return self._waited(want, time.monotonic() + timeout.total_seconds(), due)
        except BackendUnavailable:
            if self._closed:  # while it waited
                return False
            raise

    @hookimpl
    def queue_wake(self) -> bool:
        self._bell.wake()
        return True

    @hookimpl
    def queue_diagnose(self, now: datetime | None) -> list[Finding]:
        with self._opened():
            return diagnosis.findings(self._link, now)

    def _waited(self, want: Want, deadline: float, known: datetime | None) -> bool:
        wakes = self._bell.wakes
        while True:
            _, ready, told, bell = self._run("look", None, *_want(want))
            soonest = rows.moment(rows.text(told)) if told else LATEST
            known = known or soonest
            if ready or soonest < known:
                return True
            with self._opened():
                rung = self._bell.wait(rows.text(bell), wakes, deadline)
            if rung is None:
                return False
            if rung and rows.is_wanted(rung, want):
                return True

    def _put_many(self, drafts: Sequence[Draft], now: datetime | None) -> list[Put]:
        """Store many drafts in two round trips: one for places, one for all the jobs."""
        clock, before = self._run("reserve", now, len(drafts))
        between_steps()
        stored_at = rows.moment(rows.text(clock))
        written = Bulk.of(drafts, stored_at, before)
        taken = self._run("put_many", stored_at, *written.arguments())
        if taken:
            raise DuplicateJob([rows.text(id) for id in taken])
        return [Put(draft.job(stored_at), new=True) for draft in drafts]

    def _run(self, name: str, now: datetime | None, *arguments: object) -> Any:
        self._refuse_closed()
        try:
            return self._scripts.run(name, rows.told(now), *arguments)
        except Exception as error:  # noqa: BLE001 - raised by fail
            fail(self._where, error)

    @contextmanager
    def _opened(self) -> Iterator[None]:
        self._refuse_closed()
        with translated(self._where):
            yield

    def _refuse_closed(self) -> None:
        if self._closed:
            raise BackendUnavailable("the Redis backend is closed")


def _shown(finding: Finding) -> str:
    return f"{finding.text}; {finding.remedy}"


def _acks(acks: Sequence[Ack]) -> Iterator[object]:
    yield len(acks)
    for ack in acks:
        yield ack.claim.job.id
        yield ack.claim.token


def _releases(releases: Sequence[Release]) -> Iterator[object]:
    yield len(releases)
    for one in releases:
        yield one.claim.job.id
        yield one.claim.token
        yield OUTCOMES[one.outcome]
        yield one.delay // MICROSECOND
        yield one.error


def _want(want: Want) -> Iterator[object]:
    for names in (want.types, want.not_types, want.lanes, want.not_lanes):
        yield -1 if names is None else len(names)
        yield from names or ()


def _batch(
    now: datetime,
    found: list[Any],
    limit: int,
    lease: timedelta,
    worker: str,
    tokens: Sequence[str],
) -> Batch:
    told, ready, fields = found
    due = rows.moment(rows.text(told)) if told else None
    until = now + lease
    parts = iter(fields)
    claims = tuple(
        StoredClaim(rows.claimed(told, worker, until), token, until)
        for token, told in zip(
            tokens, zip(parts, parts, parts, parts, parts, strict=True), strict=False
        )
    )
    if ready or (limit and len(claims) == limit):
        return Batch(claims, timedelta(0), due)
    return Batch(claims, None if due is None else max(due - now, timedelta(0)), due)
