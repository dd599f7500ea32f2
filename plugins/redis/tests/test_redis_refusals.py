"""A Redis that cannot be a queue's store: each error says what is wrong and what to do."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from redis import Redis
from tests.servers.redis import Address, Server
from tests.servers.redis_cluster import Cluster
from tests.servers.redis_tools import connected

from gofastr_queue import BackendUnavailable, Queue, SchemaTooNew
from gofastr_queue_redis import RedisBackend

QUICK = "?socket_timeout=0.5&socket_connect_timeout=0.5"


def refused(url: str) -> str:
    """Return what is said when a queue is opened."""
    with pytest.raises(BackendUnavailable) as caught:
        Queue.open(url)
    return str(caught.value)


@contextmanager
def listening(answer: Callable[[socket.socket], None]) -> Iterator[str]:
    """Give the URL of a port where something else listens."""
    with socket.create_server(("127.0.0.1", 0)) as door:
        port = door.getsockname()[1]

        def serve() -> None:
            while True:
                visitor, _ = door.accept()
                with visitor:
                    if not visitor.recv(1):
                        return
                    answer(visitor)

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"redis://127.0.0.1:{port}/0"
        socket.create_connection(("127.0.0.1", port)).close()
        thread.join()


def speak_http(visitor: socket.socket) -> None:
    visitor.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")


def say_nothing(visitor: socket.socket) -> None:
    while visitor.recv(999):
        pass


@pytest.mark.parametrize("protocol", [2, 3])
@pytest.mark.parametrize("user", ["", "nobody"])
def test_a_wrong_password_is_told_at_once(redis_server: Address, user: str, protocol: int) -> None:
    url = redis_server.url(user=user, password="wrong")  # noqa: S106 - no password

    assert "refuses: check the user and the password" in refused(f"{url}?protocol={protocol}")


@pytest.mark.parametrize("protocol", [2, 3])
def test_no_password_where_one_is_needed(redis_server: Address, protocol: int) -> None:
    said = refused(f"{redis_server.url(password='')}?protocol={protocol}")

    assert "refuses: give a password: redis://user:password@host" in said


def test_a_database_that_the_server_does_not_have(redis_server: Address) -> None:
    assert "name a database that the server has" in refused(redis_server.url(99))


def test_no_server_at_this_port() -> None:
    said = refused("redis://127.0.0.1:1/0")

    assert said.startswith("cannot connect to the queue 'queue_jobs' in Redis: check host and port")
    assert "127.0.0.1:1" in said


def test_no_host_of_this_name() -> None:
    assert "check the name of the host" in refused("redis://no-such-host.invalid/0")


def test_no_server_at_an_ipv6_address() -> None:
    said = refused("redis://[::1]:1/0")

    assert "cannot connect" in said
    assert "::1" in said


def test_tls_where_the_server_speaks_none(redis_server: Address) -> None:
    said = refused(redis_server.url().replace("redis:", "rediss:") + QUICK)

    assert "check that this port speaks TLS; if it does not, write redis://" in said


@pytest.mark.parametrize("protocol", [2, 3])
def test_a_server_that_is_no_redis(protocol: int) -> None:
    with listening(speak_http) as url:
        said = refused(f"{url}?protocol={protocol}")

    assert "this is no Redis: check host and port" in said


@pytest.mark.parametrize("option", ["", "&cluster=on"])
def test_a_server_that_never_answers(option: str) -> None:
    with listening(say_nothing) as url:
        said = refused(url + QUICK + option)

    assert "cannot connect" in said
    assert "check host, port and firewall, and that the server runs" in said


def test_a_caller_client_that_repeats_its_connecting_is_told_the_same() -> None:
    with (
        Redis("127.0.0.1", 1) as client,
        pytest.raises(BackendUnavailable, match=r"cannot connect .* check host and port"),
    ):
        RedisBackend(client)


def test_a_cluster_without_the_option(cluster: Cluster) -> None:
    said = [refused_or_open(node.url()) for node in cluster.nodes]

    refusals = [one for one in said if one]
    assert len(refusals) == 2  # the third has the slot
    for one in refusals:
        assert "this is a node of a cluster: add cluster=true, or give a RedisCluster" in one


def refused_or_open(url: str) -> str:
    try:
        Queue.open(url).close()
    except BackendUnavailable as error:
        return str(error)
    return ""


def test_the_option_without_a_cluster(redis_server: Address) -> None:
    said = refused(f"{redis_server.url()}?cluster=on")

    assert "this server is no cluster: leave cluster=true out" in said


@pytest.mark.parametrize(
    ("password", "said"),
    [("wrong", "check the user and the password"), ("", "give a password")],
)
def test_a_cluster_with_another_password(cluster: Cluster, password: str, said: str) -> None:
    assert said in refused(f"{cluster.nodes[0].url(password=password)}?cluster=on")


def test_a_replica_can_be_looked_at_and_says_why_nothing_is_stored() -> None:
    with Server() as server:
        with Queue.open(server.url()) as queue:
            queue.enqueue("mail")
        with connected(server) as client:
            client.replicaof("127.0.0.1", 1)

        with Queue.open(f"{server.url()}?name=queue_jobs") as reader:
            assert reader.stats()["pending"] == 1
            assert len(reader.list_jobs()) == 1
            for act in (reader.dequeue, lambda: reader.enqueue("mail")):
                with pytest.raises(
                    BackendUnavailable, match="this is a replica: give the master, or let Sentinel"
                ):
                    act()
        assert "this is a replica" in refused(f"{server.url()}?name=others")


def test_a_queue_of_a_later_version(redis_server: Address, name: str) -> None:
    with connected(redis_server) as client:
        client.set(f"{{{name}}}:layout", 99)

    with pytest.raises(SchemaTooNew, match=r"layout 99, this one knows .*upgrade gofastr-queue-re"):
        Queue.open(f"{redis_server.url()}?name={name}")


@pytest.mark.parametrize("kind", ["text", "list"])
def test_another_value_where_the_version_stands(
    redis_server: Address, name: str, kind: str
) -> None:
    with connected(redis_server) as client:
        if kind == "text":
            client.set(f"{{{name}}}:layout", "something")
        else:
            client.rpush(f"{{{name}}}:layout", "something")

    said = refused(f"{redis_server.url()}?name={name}")

    assert "give the queue another name=, or remove what does not belong there" in said
