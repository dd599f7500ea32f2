"""The LISTEN connection is a help that may fail: it costs a poll at most, and it comes back."""

from __future__ import annotations

import gc
import logging
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from functools import partial
from typing import Any

import psycopg
import pytest
from attrs import define, field
from psycopg.conninfo import make_conninfo

from gofastr_queue import Queue
from gofastr_queue.records import EVERYTHING, Draft
from gofastr_queue_conformance import Harness
from gofastr_queue_conformance.proxy import Proxy
from gofastr_queue_conformance.watching import eventually, naming
from gofastr_queue_sql import postgres_listener, postgres_url
from gofastr_queue_sql.postgres import PostgresBackend
from gofastr_queue_sql.postgres_connection import Sessions

BACK_SECONDS = 15.0
"""Within so long after a fault has ended, new jobs are told of again."""

POLL = 0.5
PROMPT = 3.0
MARGIN = 3
FOREVER = timedelta(minutes=10)
MOMENT = timedelta(milliseconds=1)
THREAD = "gofastr-queue-listener"

FORKS = """
import os, sys, threading, time
from datetime import timedelta
from gofastr_queue.backends import connect
from gofastr_queue.records import EVERYTHING, Ack, Draft

LONG = timedelta(seconds=20)
backend = connect(sys.argv[1])

def listen():
    while not (backend._watch._listener and backend._watch._listener.listening):
        assert not backend.queue_wait(EVERYTHING, timedelta(milliseconds=1))

def put():
    time.sleep(0.3)  # the other side waits by now
    backend.queue_put([Draft("one", "mail", "null")], "error", None, None)

def wait():
    assert backend.queue_wait(EVERYTHING, LONG), "not told"
    (claim,) = backend.queue_claim(EVERYTHING, 1, LONG, "worker", None).claims
    assert backend.queue_ack([Ack(claim)], None)

listen()
before = backend._watch._listener
read, write = os.pipe()
child = os.fork()
if child == 0:
    status = 1
    try:
        listen()
        os.write(write, b"listening")
        wait()
        backend.queue_close()
        status = 0
    finally:
        os._exit(status)
os.read(read, 100)
put()
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
waiting = threading.Thread(target=wait)
waiting.start()
assert backend._watch._listener is before and before.listening
put()
waiting.join()
backend.queue_close()
"""


@define
class Line:
    """A backend that listens through a proxy, and another that goes past it."""

    proxy: Proxy
    place: postgres_url.Place
    owned: ExitStack
    observer: psycopg.Connection[Any]
    direct: PostgresBackend = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.direct = self.open(listen=False)

    def open(self, *, listen: bool | str = True) -> PostgresBackend:
        """Open a backend that listens through the proxy, unless it is told otherwise."""
        host, port = self.proxy.address
        through = make_conninfo(self.place.dsn, host=host, port=port)
        backend = PostgresBackend(
            self.place.dsn,
            schema=self.place.schema,
            listen=through if listen is True else listen,
        )
        self.owned.callback(backend.queue_close)
        return backend

    def listening(self) -> PostgresBackend:
        """Open a backend that is told of new jobs by now."""
        backend = self.open()
        backend.queue_wait(EVERYTHING, MOMENT)
        eventually(partial(_listens, backend), "LISTEN")
        return backend

    def sessions(self, backend: PostgresBackend) -> list[int]:
        """Return the server's sessions that were last asked to listen for this backend."""
        found = self.observer.execute(
            "SELECT pid FROM pg_stat_activity WHERE query LIKE %s",
            (f"%{backend._watch._channel}%",),
        ).fetchall()
        return [pid for (pid,) in found if pid != self.observer.info.backend_pid]

    def terminate(self, backend: PostgresBackend) -> None:
        """End the session that listens for this backend."""
        for pid in self.sessions(backend):
            self.observer.execute("SELECT pg_terminate_backend(%s)", (pid,))

    def put(self, id: str) -> None:
        """Enqueue past the proxy."""
        self.direct.queue_put([Draft(id, "mail", "null")], "error", None, None)


class Waits:
    """A thread in ``queue_wait`` that nothing but a hint ends."""

    def __init__(self, backend: PostgresBackend) -> None:
        self._backend = backend
        self._thread = threading.Thread(target=self._wait, daemon=True)
        self._told = False
        self._seconds = 0.0
        self._thread.start()
        waiters = backend._watch._condition._waiters  # type: ignore[attr-defined]
        eventually(lambda: waiters, "the begin of the wait")

    def ended(self, within: float) -> float:
        """Return after how many seconds the wait was ended by a hint; fail if not ``within``."""
        self._thread.join(within)
        assert not self._thread.is_alive(), f"nothing was told for {within} s"
        assert self._told
        return self._seconds

    def _wait(self) -> None:
        began = time.monotonic()
        self._told = self._backend.queue_wait(EVERYTHING, FOREVER)
        self._seconds = time.monotonic() - began


@pytest.fixture
def line(postgres: Harness) -> Iterator[Line]:
    place = postgres_url.read(postgres.url, None, None, None, None)
    assert postgres.address is not None
    with (
        Proxy(*postgres.address) as proxy,
        psycopg.connect(place.dsn, autocommit=True) as observer,
        ExitStack() as owned,
    ):
        yield Line(proxy, place, owned, observer)


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make silence short, where it is not what is measured."""
    monkeypatch.setattr(postgres_listener, "BEAT_SECONDS", 0.2)


def _terminate(line: Line, backend: PostgresBackend) -> None:
    line.terminate(backend)


def _refuse(line: Line, backend: PostgresBackend) -> None:
    line.proxy.refuse()
    line.proxy.cut()
    eventually(lambda: not _listens(backend), "the loss")


def _black_hole(line: Line, backend: PostgresBackend) -> None:
    assert _listens(backend)
    line.proxy.black_hole()


def _none(line: Line, backend: PostgresBackend) -> None:
    """Leave all as it is."""


@pytest.mark.parametrize("fault", [_terminate, _refuse, _black_hole, None])
def test_without_a_listener_a_wait_ends_in_time_and_a_job_starts_within_the_poll_interval(
    line: Line, fault: Callable[[Line, PostgresBackend], None] | None
) -> None:
    backend = line.open(listen=False) if fault is None else line.listening()
    if fault is not None:
        fault(line, backend)
    began = time.monotonic()
    waited = backend.queue_wait(EVERYTHING, timedelta(seconds=POLL))
    lasted = time.monotonic() - began
    started: list[float] = []
    with Queue(backend) as worker:
        worker.register_handler("mail", lambda: started.append(time.monotonic()))
        worker.start(1, poll=POLL)
        for number in range(4):
            time.sleep(POLL / 3)  # the worker is idle, at another moment of its interval
            put = time.monotonic()
            line.put(f"job-{number}")
            eventually(lambda: len(started) > number, "the start", MARGIN * POLL)  # noqa: B023
            assert started[-1] - put <= MARGIN * POLL

    assert waited is False
    assert POLL <= lasted <= MARGIN * POLL


@pytest.mark.parametrize("fault", [_terminate, _refuse, _black_hole])
def test_push_is_back_within_15_seconds(
    line: Line, fault: Callable[[Line, PostgresBackend], None], record_property: Any
) -> None:
    backend = line.listening()
    waits = Waits(backend)

    fault(line, backend)
    line.put("while nobody is told")
    line.proxy.heal()
    healed = time.monotonic()
    waits.ended(within=BACK_SECONDS)
    record_property("seconds", time.monotonic() - healed)

    _take_all(line.direct)
    waits = Waits(backend)
    line.put("as ever")
    waits.ended(within=PROMPT)


@pytest.mark.usefixtures("hasty")
def test_push_is_back_within_15_seconds_when_the_new_connection_was_black_holed_too(
    line: Line, record_property: Any
) -> None:
    backend = line.listening()
    waits = Waits(backend)
    accepted = line.proxy.counters.accepted
    line.proxy.black_hole()
    eventually(lambda: line.proxy.counters.accepted > accepted, "a new connection")

    line.put("while nobody is told")
    line.proxy.heal()
    healed = time.monotonic()
    waits.ended(within=BACK_SECONDS)
    record_property("seconds", time.monotonic() - healed)


@pytest.mark.usefixtures("hasty")
def test_a_listener_that_is_never_answered_connects_anew(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    def connect(sessions: Sessions, original: Any = Sessions.connect) -> Any:
        connection = original(sessions)
        if line.proxy.counters.accepted == 1:
            line.proxy.black_hole()
            line.proxy.heal()
        return connection

    monkeypatch.setattr(Sessions, "connect", connect)
    backend = line.listening()

    assert line.proxy.counters.accepted == 2
    assert _listens(backend)


@pytest.mark.parametrize("fault", [_terminate, _refuse, _black_hole])
@pytest.mark.usefixtures("hasty")
def test_each_loss_is_logged_once_and_so_is_its_end(
    line: Line,
    fault: Callable[[Line, PostgresBackend], None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    backend = line.listening()
    for losses in (1, 2):
        fault(line, backend)
        eventually(lambda: len(_warnings(caplog)) == losses, "the warning")  # noqa: B023
        time.sleep(1)  # several tries to connect
        line.proxy.heal()
        eventually(partial(_listens, backend), "LISTEN", MARGIN * BACK_SECONDS)

        assert len(_warnings(caplog)) == losses
        assert len(naming(caplog.records, logging.INFO, "again")) == losses


@pytest.mark.usefixtures("hasty")
def test_a_listen_without_effect_is_warned_about_once_and_polling_goes_on(
    line: Line, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(Sessions, "connect", _forgetful(1))
    backend = line.open()
    backend.queue_wait(EVERYTHING, MOMENT)
    eventually(lambda: not _threads(), "an end of trying")
    started: list[float] = []
    with Queue(backend) as worker:
        worker.register_handler("mail", lambda: started.append(time.monotonic()))
        worker.start(1, poll=POLL)
        time.sleep(POLL / 4)
        put = time.monotonic()
        line.put("job")
        eventually(lambda: started, "the start", MARGIN * POLL)

    assert started[0] - put <= MARGIN * POLL
    assert [warning for warning in _warnings(caplog) if "no effect" in warning]
    assert len(_warnings(caplog)) == 1


@pytest.mark.usefixtures("hasty")
def test_a_session_that_forgets_later_is_noticed(
    line: Line, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    connect = Sessions.connect
    monkeypatch.setattr(Sessions, "connect", _forgetful(3))
    backend = line.listening()
    monkeypatch.setattr(Sessions, "connect", connect)
    backend._watch._listener._connect = backend._sessions.connect  # type: ignore[union-attr]
    eventually(lambda: not _listens(backend), "notice of the loss")
    eventually(partial(_listens, backend), "LISTEN")
    waits = Waits(backend)
    line.put("job")

    waits.ended(within=PROMPT)
    assert _warnings(caplog) == []


@pytest.mark.parametrize("fault", [_terminate, _refuse, _black_hole, _none])
@pytest.mark.parametrize("sooner", ["", "hasty"])
def test_closing_ends_the_thread_and_leaves_no_connection(
    line: Line,
    fault: Callable[[Line, PostgresBackend], None],
    sooner: str,
    request: pytest.FixtureRequest,
) -> None:
    if sooner:
        request.getfixturevalue(sooner)
    backend = line.listening()
    fault(line, backend)
    connecting = bool(sooner) and fault is _black_hole
    if connecting:
        eventually(lambda: line.proxy.counters.accepted > 1, "a new connection")
    waits = threading.Thread(target=backend.queue_wait, args=(EVERYTHING, FOREVER))
    waits.start()

    began = time.monotonic()
    backend.queue_close()
    lasted = time.monotonic() - began
    waits.join(MARGIN)
    line.proxy.heal()
    eventually(lambda: not _threads(), "the end of the thread", MARGIN * 5)
    eventually(lambda: not line.sessions(backend), "the end of its session")
    gc.collect()  # a socket that was left would be warned about now, which is an error

    assert lasted <= (MARGIN if connecting else 1) * postgres_listener.END_SECONDS
    assert not waits.is_alive()


def test_nobody_listens_unless_told_to(line: Line) -> None:
    backend = line.open(listen=False)
    backend.queue_wait(EVERYTHING, MOMENT)

    assert _threads() == []
    assert line.sessions(backend) == []


@pytest.mark.parametrize("listen", [True, False])
def test_what_this_process_enqueues_is_a_hint_while_nobody_listens(
    line: Line, listen: bool
) -> None:
    line.proxy.refuse()
    backend = line.open(listen=listen)
    waits = Waits(backend)
    backend.queue_put([Draft("one", "mail", "null")], "error", None, None)

    waits.ended(within=PROMPT)


def test_a_forked_child_listens_for_itself_and_leaves_its_parents_listener_alone(
    postgres: Harness,
) -> None:
    command = [sys.executable, "-W", "error::ResourceWarning", "-c", FORKS, postgres.url]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    assert (run.returncode, run.stderr) == (0, "")


class Forgets:
    """A libpq connection that forgets what it listens to when it is asked for the nth time."""

    def __init__(self, pgconn: Any, questions: int) -> None:
        self._pgconn = pgconn
        self._left = questions

    def __getattr__(self, name: str) -> Any:
        return getattr(self._pgconn, name)

    def send_query(self, statement: bytes) -> None:
        if b"pg_listening_channels" in statement:
            self._left -= 1
        if not self._left:
            self._pgconn.exec_(b"UNLISTEN *")
        self._pgconn.send_query(statement)


class Forgetful:
    """A connection to such a session."""

    def __init__(self, connection: psycopg.Connection[Any], questions: int) -> None:
        self.pgconn = Forgets(connection.pgconn, questions)
        self.close = connection.close


def _forgetful(questions: int) -> Any:
    connect = Sessions.connect
    return lambda sessions: Forgetful(connect(sessions), questions)


def _listens(backend: PostgresBackend) -> bool:
    listener = backend._watch._listener
    return listener is not None and listener.listening


def _threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == THREAD]


def _warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [
        record.getMessage()
        for record in caplog.records
        if record.name == "gofastr_queue.postgres" and record.levelno >= logging.WARNING
    ]


def _take_all(backend: PostgresBackend) -> None:
    backend.queue_claim(EVERYTHING, 100, timedelta(minutes=1), "worker", None)
