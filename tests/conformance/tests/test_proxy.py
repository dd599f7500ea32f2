"""The proxy passes bytes as they are, and each fault is what it says, to the byte."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path
from socketserver import BaseRequestHandler, ThreadingTCPServer
from typing import cast

import pytest

from gofastr_queue_conformance.proxied import AT_ONCE, Counters, Side
from gofastr_queue_conformance.proxy import Proxy
from gofastr_queue_conformance.watching import eventually

SOON = 0.15
"""Seconds in which nothing must come."""


class Server(ThreadingTCPServer):
    """Keeps what each connection brought, and how it ended."""

    daemon_threads = False

    def __init__(self, handler: type[BaseRequestHandler]) -> None:
        super().__init__(("127.0.0.1", 0), handler)
        self.brought: list[bytearray] = []
        self.ended: list[str] = []
        self.work = threading.Event()
        self.work.set()

    @property
    def where(self) -> tuple[str, int]:
        return cast("tuple[str, int]", self.server_address)


class Echo(BaseRequestHandler):
    """Answers each piece with itself, once it may work."""

    server: Server

    def handle(self) -> None:
        brought = bytearray()
        self.server.brought.append(brought)
        try:
            while piece := self.request.recv(65_536):
                self.server.work.wait(10)
                brought += piece
                self.request.sendall(piece)
            self.server.ended.append("in order")
        except OSError:
            self.server.ended.append("broken")


class AnswersAtTheEnd(BaseRequestHandler):
    """Reads until the client has ended its side, and only then answers."""

    server: Server

    def handle(self) -> None:
        brought = b"".join(iter(lambda: self.request.recv(65_536), b""))
        self.request.sendall(brought[::-1])


class AnswersSlowly(BaseRequestHandler):
    """Answers each piece with a hundred bytes that do not come at once."""

    server: Server

    def handle(self) -> None:
        with suppress(OSError):
            while self.request.recv(65_536):
                for _ in range(100):
                    self.request.sendall(b"x")
            self.server.ended.append("in order")


class Greets(BaseRequestHandler):
    """Speaks without being asked, then echoes."""

    server: Server

    def handle(self) -> None:
        self.request.sendall(b"hello")
        with suppress(OSError):
            while piece := self.request.recv(65_536):
                self.request.sendall(piece)


Serve = Callable[[type[BaseRequestHandler]], Server]


@pytest.fixture
def serve() -> Iterator[Serve]:
    running: list[tuple[Server, threading.Thread]] = []

    def start(handler: type[BaseRequestHandler]) -> Server:
        server = Server(handler)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        running.append((server, thread))
        return server

    yield start
    for server, thread in running:
        server.work.set()
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def server(serve: Serve) -> Server:
    return serve(Echo)


@pytest.fixture
def proxy(server: Server) -> Iterator[Proxy]:
    with Proxy(*server.where) as proxy:
        yield proxy


@pytest.fixture
def dial(proxy: Proxy) -> Iterator[Callable[[], socket.socket]]:
    clients: list[socket.socket] = []

    def connect() -> socket.socket:
        clients.append(_dial(proxy))
        return clients[-1]

    yield connect
    for client in clients:
        client.close()


Dial = Callable[[], socket.socket]


def _dial(proxy: Proxy) -> socket.socket:
    return socket.create_connection(proxy.address, timeout=10)


def _read(client: socket.socket, count: int) -> bytes:
    """Read up to ``count`` bytes: fewer where the other side ends, and then it must be in order."""
    got = b""
    while len(got) < count and (piece := client.recv(count - len(got))):
        got += piece
    return got


def _ask(client: socket.socket, words: bytes) -> bytes:
    client.sendall(words)
    return _read(client, len(words))


def _until_reset(client: socket.socket) -> bytes:
    """Read to the end, which must be a reset."""
    got = b""
    try:
        while piece := client.recv(65_536):
            got += piece
    except ConnectionError:
        return got
    pytest.fail("it ended in order")


def _refused(proxy: Proxy) -> bool:
    """Tell whether a new connection is reset before, or after, it knows that it is one."""
    try:
        with closing(_dial(proxy)) as client:
            client.recv(1)
    except ConnectionError:
        return True
    return False


def _unanswered(client: socket.socket) -> bool:
    client.settimeout(SOON)
    try:
        client.recv(1)
    except TimeoutError:
        return True
    finally:
        client.settimeout(10)
    return False


def test_bytes_pass_as_they_are_and_are_counted(proxy: Proxy, dial: Dial) -> None:
    first, second = dial(), dial()
    words = os.urandom(3_000_000)
    with ThreadPoolExecutor(1) as pool:
        sent = pool.submit(first.sendall, words)
        assert _read(first, len(words)) == words
        sent.result()

    assert _ask(second, b"abc") == b"abc"
    counters = proxy.counters
    assert (counters.from_client, counters.from_server) == (3_000_003, 3_000_003)
    assert (counters.accepted, counters.replies_dropped, counters.cut) == (2, 0, 0)


def test_replies_are_counted(proxy: Proxy, dial: Dial) -> None:
    client = dial()
    for _ in range(3):
        _ask(client, b"abc")

    assert proxy.counters == Counters(accepted=1, from_client=9, from_server=9, replies=3)


def test_half_a_close_passes_and_the_answer_still_comes(serve: Serve) -> None:
    with Proxy(*serve(AnswersAtTheEnd).where) as proxy, closing(_dial(proxy)) as client:
        client.sendall(b"abc")
        client.shutdown(socket.SHUT_WR)

        assert _read(client, 10) == b"cba"


def test_the_servers_end_passes(server: Server, proxy: Proxy, dial: Dial) -> None:
    client = dial()
    _ask(client, b"abc")
    client.shutdown(socket.SHUT_WR)

    assert _read(client, 1) == b""
    assert server.ended == ["in order"]
    assert proxy.counters.cut == 0


def test_a_clients_reset_passes_as_one(server: Server, dial: Dial) -> None:
    client = dial()
    _ask(client, b"abc")
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
    client.close()

    eventually(lambda: server.ended == ["broken"], "the reset")


def test_no_server_is_a_reset(server: Server) -> None:
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        address = nobody.getsockname()
    assert server.where != address

    with Proxy(*address) as proxy:
        assert _refused(proxy)


@pytest.mark.parametrize("reset", [True, False])
@pytest.mark.parametrize("count", [0, 1, 7, 99, 100])
@pytest.mark.parametrize("side", list(Side))
def test_a_cut_is_exact_on_either_side(
    server: Server, proxy: Proxy, dial: Dial, side: Side, count: int, reset: bool
) -> None:
    client = dial()
    words = os.urandom(100)
    _ask(client, b"before")
    proxy.cut_after(count, side, reset=reset)
    client.sendall(words)

    got = _until_reset(client) if reset else _read(client, 101)

    assert proxy.counters.cut == 1
    eventually(lambda: server.ended == ["in order"], "the server's end")
    if side is Side.SERVER:
        assert got == words[:count]
        assert server.brought == [b"before" + words]
    else:
        assert words.startswith(got)
        assert server.brought == [b"before" + words[:count]]
        assert proxy.counters.from_client == len(b"before") + count


def test_a_cut_may_count_both_sides_together(server: Server, proxy: Proxy, dial: Dial) -> None:
    client = dial()
    proxy.cut_after(25)
    answers = [_ask(client, b"0123456789")]
    client.sendall(b"0123456789")

    answers.append(_until_reset(client))

    assert answers == [b"0123456789", b""]
    assert server.brought == [b"0123456789" + b"01234"]


def test_a_cut_strikes_one_connection_and_each_counts_for_itself(proxy: Proxy, dial: Dial) -> None:
    first, second, third = dial(), dial(), dial()
    _ask(first, b"12345")
    proxy.cut_after(6, Side.CLIENT)
    assert _ask(first, b"12345") == b"12345"
    assert _ask(second, b"12345") == b"12345"
    second.sendall(b"6789")

    _until_reset(second)

    assert _ask(first, b"12345") == b"12345"
    assert _ask(third, b"12345678") == b"12345678"
    assert proxy.counters.cut == 1


def test_a_dropped_reply_is_one_to_work_that_was_done(
    server: Server, proxy: Proxy, dial: Dial
) -> None:
    client, other = dial(), dial()
    _ask(client, b"before")
    proxy.drop_next_reply()
    server.work.clear()
    client.sendall(b"work")
    assert _unanswered(client)
    server.work.set()

    assert _until_reset(client) == b""

    assert server.brought[0] == b"beforework"
    assert server.ended == ["in order"]
    assert proxy.counters.replies_dropped == 1
    assert _ask(other, b"on") == b"on"


def test_a_reply_is_dropped_whole(serve: Serve) -> None:
    server = serve(AnswersSlowly)
    with Proxy(*server.where) as proxy, closing(_dial(proxy)) as client:
        proxy.drop_next_reply()
        client.sendall(b"work")

        assert _until_reset(client) == b""
        assert server.ended == ["in order"]
        assert proxy.counters.from_server == 0


def test_a_request_that_is_still_coming_passes_whole_though_its_reply_is_dropped(
    server: Server, proxy: Proxy, dial: Dial
) -> None:
    client = dial()
    proxy.drop_next_reply()
    words = os.urandom(5_000_000)
    with suppress(ConnectionError):
        client.sendall(words)

    assert _until_reset(client) == b""
    assert server.brought == [words]


def test_what_a_server_says_unasked_is_no_reply(serve: Serve) -> None:
    with Proxy(*serve(Greets).where) as proxy:
        proxy.drop_next_reply()
        with closing(_dial(proxy)) as client:
            assert _read(client, 5) == b"hello"
            client.sendall(b"abc")
            assert _until_reset(client) == b""


def test_replies_are_dropped_by_a_seed(server: Server, proxy: Proxy) -> None:
    def lost(seed: int) -> list[bool]:
        proxy.drop_replies(0.2, seed)
        return [_is_lost(proxy) for _ in range(60)]

    one, again, other = lost(1), lost(1), lost(2)

    assert one == again != other
    assert 0 < sum(one) < 30
    assert proxy.counters.replies_dropped == sum(one + again + other)
    assert server.brought == [b"work"] * 180


def _is_lost(proxy: Proxy) -> bool:
    with closing(_dial(proxy)) as client:
        try:
            assert _ask(client, b"work") == b"work"
        except ConnectionError:
            return True
        return False


def test_a_black_hole_answers_nobody_until_healed(server: Server, proxy: Proxy, dial: Dial) -> None:
    old = dial()
    _ask(old, b"before")
    proxy.black_hole()
    new = dial()
    for client in (old, new):
        client.sendall(os.urandom(5_000_000))

    assert _unanswered(old)
    assert _unanswered(new)
    assert server.ended == []
    proxy.heal()
    assert _unanswered(old)
    assert _unanswered(new)
    assert _ask(dial(), b"again") == b"again"
    assert server.brought == [b"before", b"again"]
    old.close()
    eventually(lambda: server.ended == ["in order"], "the server's end after its client's")


def test_a_black_hole_hides_that_the_server_ends(serve: Serve) -> None:
    server = serve(Echo)
    with Proxy(*server.where) as proxy, closing(_dial(proxy)) as client:
        server.work.clear()
        client.sendall(b"work")
        eventually(lambda: proxy.counters.from_client == 4, "the request")
        proxy.black_hole()
        server.work.set()

        assert _unanswered(client)


def test_a_half_open_connection_is_dead_and_new_ones_live(
    server: Server, proxy: Proxy, dial: Dial
) -> None:
    old = dial()
    _ask(old, b"before")
    proxy.vanish()
    old.sendall(os.urandom(5_000_000))

    assert _unanswered(old)
    eventually(lambda: server.ended == ["in order"], "the server's end")
    assert _ask(dial(), b"new") == b"new"
    assert _unanswered(old)
    assert server.brought == [b"before", b"new"]


def test_refusing_resets_new_connections_only(server: Server, proxy: Proxy, dial: Dial) -> None:
    old = dial()
    _ask(old, b"before")
    proxy.refuse()

    assert all(_refused(proxy) for _ in range(3))
    assert _ask(old, b"after") == b"after"
    proxy.heal()
    assert _ask(dial(), b"again") == b"again"
    assert server.brought == [b"beforeafter", b"again"]


def test_all_connections_can_be_cut_now(server: Server, proxy: Proxy, dial: Dial) -> None:
    clients = [dial() for _ in range(5)]
    for client in clients:
        _ask(client, b"before")
    proxy.cut()

    assert [_until_reset(client) for client in clients] == [b""] * 5
    eventually(lambda: server.ended == ["broken"] * 5, "the resets")
    assert proxy.counters.cut == 5
    assert _ask(dial(), b"again") == b"again"


def test_any_thread_may_change_the_fault_under_traffic(proxy: Proxy) -> None:
    over = threading.Event()
    answered = threading.Event()

    def traffic(_: int) -> int:
        wrong = 0
        while not over.is_set():
            with suppress(OSError), closing(_dial(proxy)) as client:
                client.settimeout(0.05)
                for number in range(20):
                    words = b"%d" % number * 100
                    wrong += not words.startswith(_ask(client, words))
                    answered.set()
        return wrong

    def change(number: int) -> None:
        turn = number
        while proxy.counters.accepted < 500:
            turn += 1
            _faults(proxy)[turn % 8]()
            proxy.heal()

    with ThreadPoolExecutor(8) as pool:
        running = [pool.submit(traffic, number) for number in range(4)]
        for changing in [pool.submit(change, number) for number in range(4)]:
            changing.result()
        proxy.heal()
        answered.clear()
        assert answered.wait(10)
        over.set()
        assert [one.result() for one in running] == [0] * 4


def _faults(proxy: Proxy) -> list[Callable[[], None]]:
    return [
        proxy.heal,
        proxy.refuse,
        proxy.cut,
        proxy.vanish,
        proxy.black_hole,
        proxy.drop_next_reply,
        lambda: proxy.drop_replies(0.5, 1),
        lambda: proxy.cut_after(150),
    ]


def test_closing_leaves_no_thread_and_no_socket(server: Server) -> None:
    def held() -> tuple[int, int]:
        return threading.active_count(), len(list(Path("/dev/fd").iterdir()))

    before = held()
    for number in range(8):
        proxy = Proxy(*server.where)
        clients = [_dial(proxy) for _ in range(4)]
        _ask(clients[0], b"before")
        _faults(proxy)[number]()
        for client in clients[1:]:
            with suppress(ConnectionError):
                client.sendall(b"work")
        proxy.close()
        proxy.close()
        for client in clients:
            client.close()

    eventually(lambda: held() == before, "all let go")


def test_closing_ends_the_clients_connections(proxy: Proxy, dial: Dial) -> None:
    client = dial()
    _ask(client, b"before")
    proxy.close()

    assert _until_reset(client) == b""
    with pytest.raises(ConnectionError):
        dial()
