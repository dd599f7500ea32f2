"""Lost replies, tried on a toy: a memory backend behind a socket."""

from __future__ import annotations

import pickle
import socket
import struct
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from socketserver import StreamRequestHandler, ThreadingTCPServer
from typing import Any, cast

import pytest

from gofastr_queue import Capability, DuplicateJob, Queue
from gofastr_queue.backends import Backend
from gofastr_queue.errors import BackendUnavailable
from gofastr_queue.hookspecs import hookimpl
from gofastr_queue.records import Ack, AnyClaim, Batch, Draft, Put, Release, StoredJob, Want
from gofastr_queue.testing import FakeClock
from gofastr_queue_conformance import Harness, LostRepliesContract, lost_replies
from gofastr_queue_conformance.lost_replies import Line
from gofastr_queue_conformance.proxy import Proxy
from gofastr_queue_memory import MemoryBackend

Stream = Any


def _send(stream: Stream, value: object) -> None:
    data = pickle.dumps(value)
    stream.write(struct.pack("!I", len(data)) + data)
    stream.flush()


def _receive(stream: Stream) -> Any:
    """Read one value; EOFError where the other side has ended."""
    (size,) = struct.unpack("!I", _whole(stream, 4))
    return pickle.loads(_whole(stream, size))  # noqa: S301 - our own


def _whole(stream: Stream, size: int) -> bytes:
    data: bytes = stream.read(size)
    if len(data) < size:
        raise EOFError
    return data


class Calls(StreamRequestHandler):
    """Does whole calls only, and answers each with what it returned or raised."""

    server: Server

    def handle(self) -> None:
        with suppress(EOFError, OSError):
            while True:
                name, arguments = _receive(self.rfile)
                try:
                    answer = getattr(self.server.backend, name)(**arguments)
                except DuplicateJob as error:
                    _send(self.wfile, (None, error.ids))
                else:
                    _send(self.wfile, (answer, None))


class Server(ThreadingTCPServer):
    """Serves a memory backend."""

    daemon_threads = False

    def __init__(self, backend: MemoryBackend) -> None:
        super().__init__(("127.0.0.1", 0), Calls)
        self.backend = backend


class Remote:
    """A backend whose store is a ``Server``; it repeats nothing."""

    name = "remote"
    capabilities = frozenset({Capability.ATOMIC_BULK})
    default_lease = timedelta(seconds=30)
    tries = 1

    def __init__(self, host: str, port: int) -> None:
        self._address = (host, port)
        self._stream: Stream = None

    def _call(self, name: str, **arguments: Any) -> Any:
        for left in reversed(range(self.tries)):
            try:
                if self._stream is None:
                    with socket.create_connection(self._address, timeout=10) as connection:
                        self._stream = connection.makefile("rwb")
                _send(self._stream, (name, arguments))
                answer, taken = _receive(self._stream)
            except (OSError, EOFError) as error:
                self.queue_close()
                if not left:
                    raise BackendUnavailable("no reply") from error
            else:
                break
        if taken:
            raise DuplicateJob(taken)
        return answer

    @hookimpl
    def queue_put(
        self, drafts: Sequence[Draft], on_conflict: str, now: datetime | None
    ) -> list[Put]:
        return cast(
            "list[Put]", self._call("queue_put", drafts=drafts, on_conflict=on_conflict, now=now)
        )

    @hookimpl
    def queue_close(self) -> bool:
        stream, self._stream = self._stream, None
        with suppress(OSError):  # what was not sent is lost
            if stream is not None:
                stream.close()
        return True

    @hookimpl
    def queue_claim(
        self, want: Want, limit: int, lease: timedelta, worker: str, now: datetime | None
    ) -> Batch:
        return cast(
            Batch,
            self._call("queue_claim", want=want, limit=limit, lease=lease, worker=worker, now=now),
        )

    @hookimpl
    def queue_ack(self, acks: Sequence[Ack], now: datetime | None) -> list[Ack]:
        return cast("list[Ack]", self._call("queue_ack", acks=acks, now=now))

    @hookimpl
    def queue_nack(self, releases: Sequence[Release], now: datetime | None) -> list[Release]:
        return cast("list[Release]", self._call("queue_nack", releases=releases, now=now))

    @hookimpl
    def queue_reclaim(self, limit: int, reason: str, now: datetime | None) -> list[StoredJob]:
        return cast(
            "list[StoredJob]", self._call("queue_reclaim", limit=limit, reason=reason, now=now)
        )

    @hookimpl
    def queue_extend(
        self, claims: Sequence[AnyClaim], lease: timedelta, now: datetime | None
    ) -> list[AnyClaim]:
        return cast(
            "list[AnyClaim]", self._call("queue_extend", claims=claims, lease=lease, now=now)
        )


class RepeatsBlindly(Remote):
    tries = 5


class PopsWhatIsClaimed(MemoryBackend):
    """A claim takes the job out of the store."""

    @hookimpl
    def queue_claim(
        self, want: Want, limit: int, lease: timedelta, worker: str, now: datetime | None
    ) -> Batch:
        batch = super().queue_claim(want, limit, lease, worker, now)
        super().queue_ack([Ack(claim) for claim in batch.claims], now)
        return batch

    @hookimpl
    def queue_ack(self, acks: Sequence[Ack], now: datetime | None) -> list[Ack]:  # noqa: ARG002 - it never looks
        return list(acks)


@contextmanager
def serving(backend: MemoryBackend) -> Iterator[tuple[str, int]]:
    with Server(backend) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield cast("tuple[str, int]", server.server_address)
        server.shutdown()
        thread.join()


def connect(kind: type[Remote], address: tuple[str, int]) -> Backend:
    return cast(Backend, kind(*address))


class TestRemote(LostRepliesContract):
    @pytest.fixture
    def harness(self) -> Iterator[Harness]:
        with serving(MemoryBackend()) as address:
            yield Harness(
                open=lambda: connect(Remote, address),
                address=address,
                through=lambda host, port: connect(Remote, (host, port)),
            )


@contextmanager
def lines(kind: type[Remote], backend: MemoryBackend) -> Iterator[tuple[Queue, Line, FakeClock]]:
    clock = FakeClock()
    with (
        serving(backend) as address,
        Proxy(*address) as proxy,
        Queue(connect(Remote, address), clock=clock) as queue,
        Queue(connect(kind, proxy.address), clock=clock) as lossy,
    ):
        yield queue, Line(lossy, proxy), clock


def test_a_backend_that_repeats_blindly_is_found() -> None:
    with lines(RepeatsBlindly, MemoryBackend()) as (queue, line, _), pytest.raises(DuplicateJob):
        LostRepliesContract().test_repeated_enqueues_store_each_id_once(queue, line, 1)


def test_a_store_that_pops_what_is_claimed_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lost_replies, "PATIENCE", 2.0)

    with lines(Remote, PopsWhatIsClaimed()) as (queue, line, clock):
        case = LostRepliesContract().test_lost_claims_come_back_and_each_job_is_acked_once
        with pytest.raises(AssertionError, match="jobs are lost"):
            case(queue, line, clock, 3)
