"""What a Redis URL and its options may say, checked before anything is connected to."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from redis import Redis
from tests.servers.redis import Address, Server

from gofastr_queue import BackendUnavailable, InvalidOption, Job, Queue
from gofastr_queue_conformance.watching import eventually
from gofastr_queue_redis import RedisBackend, address

NOBODY = "redis://127.0.0.1:1/0"
"""Where no server listens: a connection would be refused with other words."""

HOSTILE = ["", " ", "x" * 65, "a b", "{x}", "jóbs", "x\n", "x*", "%s", "a/b", "x\x00", '"']


def read(url: str) -> address.Address:
    return address.read(url, None, None)


@pytest.mark.parametrize("name", HOSTILE, ids=ascii)
def test_a_name_that_cannot_be_part_of_a_key_is_refused(name: str) -> None:
    refused = pytest.raises(InvalidOption, match=r"name .* cannot be part of a key: 1 to 64 le")

    with refused:
        Queue.open(NOBODY, name=name)
    with refused:
        RedisBackend(Redis(), name)


@pytest.mark.parametrize("value", ["", "maybe", "2", "yes please"])
def test_a_cluster_is_on_or_off(value: str) -> None:
    given: list[dict[str, Any]] = [{"cluster": value}, {}]
    for options in given:
        query = "" if options else f"?cluster={value}"
        with pytest.raises(InvalidOption, match=rf"cluster must be on or off, got '{value}'"):
            Queue.open(f"{NOBODY}{query}", **options)


@pytest.mark.parametrize("cluster", ["off", "on"])
def test_an_unknown_option_names_the_known_ones(cluster: str) -> None:
    refused = pytest.raises(
        TypeError, match=r"unknown option 'nmae' for redis://; known: name, cluster"
    )
    options: dict[str, Any] = {"nmae": "x"}

    with refused:
        Queue.open(NOBODY, **options)
    with refused:
        Queue.open(f"{NOBODY}?nmae=x&cluster={cluster}")
    with refused:
        Queue.open(f"{NOBODY}?name=x&nm%61e=x")


@pytest.mark.parametrize("option", ["retry", "connection_class", "retry_on_error", "host", "path"])
def test_an_option_that_no_text_can_give_is_unknown(option: str) -> None:
    with pytest.raises(TypeError, match=rf"unknown option '{option}' .* driver's client_name, db"):
        Queue.open(f"{NOBODY}?{option}=x")


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("socket_timeout=soon", "correct this option of the URL: .*'socket_timeout'"),
        ("protocol=7", "correct this option of the URL: protocol must be either 2 or 3"),
        ("max_connections=-1", "correct this option of the URL: .*max_connections"),
        ("db=x", "correct this option of the URL: .*'db'|the database 0 only"),
        ("ssl_cert_reqs=none", "ssl_cert_reqs= is for TLS: write rediss:// instead of redis://"),
    ],
)
@pytest.mark.parametrize("cluster", ["off", "on"])
def test_a_wrong_value_of_the_driver_is_refused(query: str, said: str, cluster: str) -> None:
    with pytest.raises(InvalidOption, match=said):
        Queue.open(f"redis://127.0.0.1:1?{query}&cluster={cluster}")


def test_a_wrong_value_for_tls_is_refused() -> None:
    with pytest.raises(InvalidOption, match=r"correct this option of the URL: .*nonsense"):
        Queue.open("rediss://127.0.0.1:1/0?ssl_cert_reqs=nonsense")


@pytest.mark.parametrize("path", ["x", "0x", "-1", "jobs", "%D9%A3", "0/1"])
def test_a_path_that_is_no_database_is_refused(path: str) -> None:
    with pytest.raises(InvalidOption, match="the path of a Redis URL is the number of a database"):
        Queue.open(f"redis://127.0.0.1:1/{path}")


@pytest.mark.parametrize("place", ["host:x", "host:0", "host:99999", ":word"])
def test_a_port_that_is_none_is_refused_without_being_repeated(place: str) -> None:
    with pytest.raises(InvalidOption, match="port in a Redis URL is a number from 1 to 65535"):
        Queue.open(f"redis://{place}")


@pytest.mark.parametrize("url", ["redis://host/3?cluster=on", "redis://host?db=3&cluster=on"])
def test_a_cluster_has_one_database(url: str) -> None:
    with pytest.raises(InvalidOption, match="a cluster has the database 0 only: name no other"):
        Queue.open(url)


def test_the_parameters_of_the_driver_are_passed_on_unchanged() -> None:
    rest = "socket_timeout=2.5&client_name=a%26b&password=p%2F"

    place = read(f"redis://u@host/3?name=mails&{rest}&cluster=off")

    assert (place.url, place.name, place.cluster) == (f"redis://u@host/3?{rest}", "mails", False)


def test_an_argument_goes_before_the_same_option_of_the_url() -> None:
    place = address.read(f"{NOBODY}?name=a&cluster=maybe", "b", "on")

    assert (place.name, place.cluster) == ("b", True)


@pytest.mark.parametrize(("written", "meant"), [("on", True), ("TRUE", True), ("0", False)])
def test_on_may_be_written_in_several_ways(written: str, *, meant: bool) -> None:
    assert read(f"{NOBODY}?cluster={written}").cluster is meant


@pytest.mark.parametrize("protocol", [2, 3])
def test_the_driver_obeys_its_parameters(redis_server: Address, name: str, protocol: int) -> None:
    url = f"{redis_server.url(5)}?name={name}&client_name=mine&protocol={protocol}"

    with Queue.open(url) as queue, Redis.from_url(redis_server.url(5)) as client:
        queue.enqueue("mail")
        found = [one for one in client.client_list() if one["name"] == "mine"]
        assert [one["db"] for one in found] == ["5"]
        assert client.exists(f"{{{name}}}:jobs")
        client.flushdb()


def named(client: Redis, name: str) -> int:
    """Count the connections of a name."""
    return sum(one["name"] == name for one in client.client_list())


def test_a_queue_of_a_url_keeps_its_connection_until_it_is_closed(
    redis_server: Address, name: str
) -> None:
    with Redis.from_url(redis_server.url()) as client:
        with Queue.open(f"{redis_server.url()}?name={name}&client_name={name}") as queue:
            queue.enqueue("mail")
            before = client.info("stats")["total_connections_received"]
            for _ in range(20):
                queue.enqueue("mail")

            assert named(client, name) == 1
            assert client.info("stats")["total_connections_received"] == before
        eventually(lambda: named(client, name) == 0, "the end of the connection")


@pytest.mark.parametrize("bound", [1, 2])
def test_a_queue_of_a_url_has_no_more_connections_than_that_says(
    redis_server: Address, name: str, bound: int
) -> None:
    url = f"{redis_server.url()}?name={name}&client_name={name}&max_connections={bound}"
    refused: list[BackendUnavailable] = []

    with Redis.from_url(redis_server.url()) as client, Queue.open(url) as queue:

        def enqueue(_: int) -> None:
            try:
                queue.enqueue_many(Job(type="mail") for _ in range(500))
            except BackendUnavailable as error:
                refused.append(error)

        with ThreadPoolExecutor(8) as threads:
            list(threads.map(enqueue, range(40)))

        assert named(client, name) <= bound
        assert queue.stats()["pending"] == 500 * (40 - len(refused))
        assert all("Too many connections" in str(error) for error in refused)


def test_queues_of_different_names_do_not_see_each_other(redis_server: Address, name: str) -> None:
    url = redis_server.url()
    with Queue.open(url, name=name) as one, Queue.open(url, name=f"{name}:more") as other:
        one.enqueue("mail", id="same")
        other.enqueue("mail", id="same")

        assert one.cancel("same")
        assert other.stats()["pending"] == 1
        assert other.cancel("same")


def test_an_ipv6_address_may_be_given() -> None:
    with Server(bind="127.0.0.1 -::1") as server:
        try:
            Queue.open(server.url().replace("127.0.0.1", "[::1]")).close()
        except Exception as error:
            if "Cannot assign" in str(error) or "Address family" in str(error):
                pytest.skip("this machine has no IPv6")
            raise


def test_a_server_that_may_lose_jobs_is_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    with Server(appendonly="no", maxmemory_policy="allkeys-lru") as server:
        Queue.open(server.url()).close()

    said = [one.getMessage() for one in caplog.records if one.levelname == "WARNING"]
    assert len(said) == 2
    assert "set appendonly to yes" in said[0]
    assert "set maxmemory-policy to noeviction" in said[1]
