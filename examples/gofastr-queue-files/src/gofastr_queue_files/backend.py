"""The hooks: each holds the directory's lock from its first look to its last move."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import unquote, urlsplit

from attrs import evolve

from gofastr_queue.capabilities import Capability
from gofastr_queue.errors import BackendUnavailable, DuplicateJob, InvalidOption
from gofastr_queue.hookspecs import hookimpl
from gofastr_queue.lifecycle import Status
from gofastr_queue.records import (
    DUE_PER_CLAIM,
    KEPT_ERRORS,
    Ack,
    AnyClaim,
    Batch,
    Count,
    Draft,
    JobQuery,
    Outcome,
    Put,
    Release,
    StoredClaim,
    StoredJob,
    StoredPage,
    Want,
    new_tokens,
)
from gofastr_queue_files.directory import FOLDERS, Directory, content_of
from gofastr_queue_files.names import CLAIMED, FAILED, LATER, READY, Name, key_of, micros, moment


def connect(url: str) -> FilesBackend:
    """Open ``files:///a/directory``."""
    parts = urlsplit(url)
    if parts.netloc or parts.query or parts.path in ("", "/"):
        raise InvalidOption("a files:// URL names a directory, for instance files:///tmp/queue")
    return FilesBackend(Path(unquote(parts.path)))


class FilesBackend:
    """Jobs as files in a directory."""

    name = "files"
    capabilities = frozenset({Capability.DURABLE, Capability.MULTI_PROCESS, Capability.PRIORITY})
    default_lease = timedelta(minutes=5)

    def __init__(self, root: Path) -> None:
        self._directory = Directory(root)
        self._closed = False

    @hookimpl
    def queue_close(self) -> bool:
        self._closed = True
        return True

    @hookimpl
    def queue_put(
        self, drafts: Sequence[Draft], on_conflict: str, now: datetime | None
    ) -> list[Put]:
        clock, puts = now or datetime.now(UTC), []
        with self._locked() as files:
            stored = {name.key: name for name in files.names(*FOLDERS)}
            for draft in drafts:
                taken = stored.get(key_of(draft.id))
                if taken is not None and on_conflict == "error":
                    raise DuplicateJob([draft.id])
                if taken is None:
                    name = _new(draft, clock, _next_place(stored.values()))
                    files.write(name, content_of(draft.job(clock)))
                    stored[name.key] = name
                puts.append(Put(files.job(stored[key_of(draft.id)]), new=taken is None))
        return puts

    @hookimpl
    def queue_claim(
        self, want: Want, limit: int, lease: timedelta, worker: str, now: datetime | None
    ) -> Batch:
        claims: list[StoredClaim] = []
        clock, more = now or datetime.now(UTC), False
        with self._locked() as files:
            _promote(files, clock)
            ready = sorted(files.names(READY), key=lambda name: (-name.priority, name.place))
            tokens = iter(new_tokens(min(limit, len(ready))))
            for name in ready:
                content = files.content(name)
                if want.admits(content["job"]["lane"], content["job"]["type"]):
                    more = len(claims) == limit
                    if more:
                        break
                    leased = _leased(name, micros(clock + lease), next(tokens))
                    files.write(name, content | {"worker": worker})
                    files.move(name, leased)
                    claims.append(StoredClaim(files.job(leased), leased.token, clock + lease))
            soonest = min((name.scheduled for name in files.names(LATER)), default=None)
        due = None if soonest is None else moment(soonest)
        wait = None if due is None else max(due - clock, timedelta(0))
        return Batch(tuple(claims), timedelta(0) if more or len(claims) == limit > 0 else wait, due)

    @hookimpl
    def queue_ack(self, acks: Sequence[Ack], now: datetime | None) -> list[Ack]:  # noqa: ARG002 - no time in it
        with self._locked() as files:
            return [ack for ack in acks if files.remove(_current(files, ack.claim))]

    @hookimpl
    def queue_nack(self, releases: Sequence[Release], now: datetime | None) -> list[Release]:
        clock, done = now or datetime.now(UTC), []
        with self._locked() as files:
            for one in releases:
                name = _current(files, one.claim)
                if name is not None:
                    buried, back = one.outcome is Outcome.BURY, one.outcome is Outcome.GIVE_BACK
                    delayed = micros(clock + one.delay) if one.delay and not buried else 0
                    _end(files, name, one.error, clock, delayed, failed=buried, uncounted=back)
                    done.append(one)
        return done

    @hookimpl
    def queue_reclaim(self, limit: int, reason: str, now: datetime | None) -> list[StoredJob]:
        clock, moved = now or datetime.now(UTC), []
        with self._locked() as files:
            leased = sorted(files.names(CLAIMED), key=lambda name: (name.lease, name.place))
            for name in [name for name in leased if name.lease <= micros(clock)][:limit]:
                over = name.attempts >= files.content(name)["job"]["max_attempts"]
                moved.append(files.job(_end(files, name, reason, clock, failed=over)))
        return moved

    @hookimpl
    def queue_extend(
        self, claims: Sequence[AnyClaim], lease: timedelta, now: datetime | None
    ) -> list[AnyClaim]:
        until, extended = micros((now or datetime.now(UTC)) + lease), []
        with self._locked() as files:
            for claim in claims:
                name = _current(files, claim)
                if name is not None:
                    longer = evolve(name, lease=max(name.lease, until))
                    files.move(name, longer)
                    extended.append(evolve(claim, lease_until=moment(longer.lease)))
        return extended

    @hookimpl
    def queue_browse(self, query: JobQuery) -> StoredPage:
        before = query.place_before()
        with self._locked() as files:
            found = [
                (name.place, job)
                for name, job in reversed(_matching(files, query, *FOLDERS))
                if before is None or name.place < before
            ]
        page = found[: query.limit]
        more = len(found) > len(page) and bool(page)
        return StoredPage(tuple(job for _, job in page), str(page[-1][0]) if more else "")

    @hookimpl
    def queue_stats(self) -> list[Count]:
        counts: dict[tuple[Status, str, str], Count] = {}
        with self._locked() as files:
            for _, job in _matching(files, JobQuery(), *FOLDERS):
                key = (job.status, job.lane, job.type)
                known = counts.get(key, Count(*key, 0, job.created_at))
                counts[key] = evolve(known, count=known.count + 1)
        return list(counts.values())

    @hookimpl
    def queue_replay(self, query: JobQuery, now: datetime | None) -> list[str]:
        clock = micros(now or datetime.now(UTC))
        with self._locked() as files:
            chosen = _matching(files, query, FAILED)[: query.limit]
            place = _next_place(files.names(*FOLDERS))
            for number, (name, _) in enumerate(chosen):
                again = Name(READY, name.priority, place + number, name.key, clock, 0)
                files.move(name, again)
            return [job.id for _, job in chosen]

    @hookimpl
    def queue_purge(self, query: JobQuery) -> int:
        with self._locked() as files:
            chosen = _matching(files, query, READY, LATER, FAILED)[: query.limit]
            return sum(files.remove(name) for name, _ in chosen)

    @contextmanager
    def _locked(self) -> Iterator[Directory]:
        if self._closed:
            raise BackendUnavailable("the files backend is closed")
        with self._directory.locked():
            yield self._directory


def _next_place(names: Iterable[Name]) -> int:
    return max((name.place for name in names), default=0) + 1


def _new(draft: Draft, clock: datetime, place: int) -> Name:
    job = draft.job(clock)
    folder = (
        FAILED if job.status is Status.FAILED else READY if job.scheduled_at <= clock else LATER
    )
    key, due = key_of(job.id), micros(job.scheduled_at)
    return Name(folder, job.priority, place, key, due, job.attempts)


def _promote(files: Directory, clock: datetime) -> None:
    due = sorted(files.names(LATER), key=lambda name: (name.scheduled, name.place))
    for name in due[:DUE_PER_CLAIM]:
        if name.scheduled <= micros(clock):
            files.move(name, evolve(name, folder=READY))


def _leased(name: Name, lease: int, token: str) -> Name:
    return evolve(name, folder=CLAIMED, attempts=name.attempts + 1, lease=lease, token=token)


def _current(files: Directory, claim: AnyClaim) -> Name | None:
    """Return the claimed job whose current token this is."""
    key = key_of(claim.job.id)
    return next(
        (one for one in files.names(CLAIMED) if (one.key, one.token) == (key, claim.token)), None
    )


def _end(
    files: Directory,
    name: Name,
    error: str,
    clock: datetime,
    delayed: int = 0,
    *,
    failed: bool,
    uncounted: bool = False,
) -> Name:
    """End a claim: the error is written first, and the move is what counts."""
    if error:
        content = files.content(name)
        kept = [*content["errors"], (name.attempts, micros(clock), error)][-KEPT_ERRORS:]
        files.write(name, content | {"errors": kept})
    due = delayed or min(name.scheduled, micros(clock))
    folder = FAILED if failed else READY if due <= micros(clock) else LATER
    attempts = name.attempts - uncounted
    ended = Name(folder, name.priority, name.place, name.key, due, attempts)
    files.move(name, ended)
    return ended


def _matching(files: Directory, query: JobQuery, *folders: str) -> list[tuple[Name, StoredJob]]:
    """Return what a query admits, the earliest first."""
    names = sorted(files.names(*folders), key=lambda name: name.place)
    jobs = [(name, files.job(name)) for name in names]
    return [(name, job) for name, job in jobs if query.admits(job)]
