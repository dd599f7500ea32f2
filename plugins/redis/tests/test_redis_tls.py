"""TLS is verified unless the URL says otherwise, and then it is said."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from redis import Redis
from redis.sentinel import Sentinel
from tests.servers.redis import Address
from tests.servers.tls_door import certificate, tls_door

from gofastr_queue import BackendUnavailable, Queue
from gofastr_queue.records import Finding, Level
from gofastr_queue_redis import encryption as redis_encryption
from gofastr_queue_redis.address import client, read
from gofastr_queue_redis.encryption import Way, encryption, is_local, way
from gofastr_queue_redis.links import link, unconnected

KNOWN = "localhost"
"""The name in the certificate; its address is not there."""


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = certificate(tmp_path_factory.mktemp("tls"), f"DNS:{KNOWN}")
    if made is None:
        pytest.skip("no openssl on the PATH makes a certificate")
    return made


@pytest.fixture
def door(authority: Path, redis_server: Address, name: str) -> Iterator[str]:
    """Give the URL of a TLS port before the server, with a gap for the host."""
    parts = urlsplit(redis_server.url())
    with tls_door(authority, parts.port or 0) as port:
        netloc = f"{parts.netloc.rpartition('@')[0]}@{{}}:{port}"
        yield parts._replace(scheme="rediss", netloc=netloc, query=f"name={name}").geturl()


def test_a_certificate_of_a_known_authority_and_of_this_host_is_accepted(
    door: str, authority: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with Queue.open(f"{door.format(KNOWN)}&ssl_ca_certs={authority}") as queue:
        queue.enqueue("mail", id="one")
        assert queue.dequeue().job.id == "one"
    assert "TLS" not in caplog.text
    assert "certificate" not in caplog.text


def test_a_certificate_that_nobody_known_has_signed_is_refused(door: str) -> None:
    with pytest.raises(BackendUnavailable, match="check ssl_ca_certs= and the name of the host"):
        Queue.open(door.format(KNOWN))


def test_the_certificate_of_another_host_is_refused(door: str, authority: Path) -> None:
    with pytest.raises(BackendUnavailable, match="check ssl_ca_certs= and the name of the host"):
        Queue.open(f"{door.format('127.0.0.1')}&ssl_ca_certs={authority}")


@pytest.mark.parametrize(
    ("option", "whose"),
    [
        ("ssl_cert_reqs=none", "any certificate"),
        ("ssl_check_hostname=false&ssl_ca_certs={}", "the certificate of any host"),
    ],
)
def test_what_is_not_verified_is_warned_of(
    door: str, authority: Path, option: str, whose: str, caplog: pytest.LogCaptureFixture
) -> None:
    Queue.open(f"{door.format('127.0.0.1')}&{option.format(authority)}").close()

    (warning,) = [one for one in caplog.records if "accept" in one.getMessage()]
    assert warning.levelno == logging.WARNING
    assert f"accept {whose}, so others may read along" in warning.getMessage()


def test_an_authority_that_is_no_file_is_named_as_the_reason(door: str) -> None:
    with pytest.raises(BackendUnavailable, match="check the paths of ssl_ca_certs="):
        Queue.open(f"{door.format(KNOWN)}&ssl_ca_certs=/nowhere.pem")


def test_a_server_with_tls_where_none_is_spoken(door: str) -> None:
    plain = door.format("127.0.0.1").replace("rediss:", "redis:")

    with pytest.raises(BackendUnavailable, match="if the server speaks TLS, write rediss://"):
        Queue.open(plain)


@pytest.mark.parametrize(
    ("tls", "verified", "level", "said"),
    [
        (False, False, Level.WARNING, "is not encrypted: whoever is in between reads the password"),
        (True, False, Level.WARNING, "the certificate or its host is not verified"),
        (True, True, Level.OK, "encrypted, and its certificate verified"),
    ],
)
def test_a_way_over_the_network_is_judged(
    tls: bool, verified: bool, level: Level, said: str
) -> None:
    found = encryption(Way("cache.example.com", local=False, tls=tls, verified=verified))

    assert found.level is level
    assert said in found.text
    assert found.remedy or level is Level.OK


@pytest.mark.parametrize(
    ("host", "local"),
    [
        ("localhost", True),
        ("127.0.0.5", True),
        ("::1", True),
        ("192.0.2.1", False),
        ("2001:db8::1", False),
        ("cache.example.com", False),
    ],
)
def test_a_host_is_this_one_by_its_name_or_address(host: str, local: bool) -> None:
    assert is_local(host) is local


REMOTE = "cache.example.com"


@pytest.mark.parametrize(
    ("url", "gone"),
    [
        (f"redis://{REMOTE}", Way(REMOTE, local=False, tls=False, verified=False)),
        (f"rediss://{REMOTE}", Way(REMOTE, local=False, tls=True, verified=True)),
        (
            f"rediss://{REMOTE}?ssl_cert_reqs=none&ssl_check_hostname=false",
            Way(REMOTE, local=False, tls=True, verified=False),
        ),
        (
            f"rediss://{REMOTE}?ssl_check_hostname=false",
            Way(REMOTE, local=False, tls=True, verified=False),
        ),
        ("redis://localhost", Way("localhost", local=True, tls=False, verified=False)),
    ],
)
def test_a_url_says_which_way_its_connections_go(url: str, gone: Way) -> None:
    with closing(client(read(url, None, None))) as made:
        assert way(unconnected(link(made, "key"))) == gone


def test_of_a_client_that_shows_no_connection_nothing_is_said() -> None:
    class Adapter:
        def execute_command(self, *_: object) -> None:
            """Send nothing."""

    assert way(unconnected(link(Adapter(), "key"))) is None


def test_a_master_that_sentinel_finds_is_not_judged_by_the_name_of_none() -> None:
    sentinel: Any = Sentinel([(REMOTE, 1)])  # type: ignore[no-untyped-call] # redis-py's

    with closing(sentinel.master_for("mymaster")) as master:
        assert way(unconnected(link(master, "key"))) is None


def test_a_socket_stays_on_this_host() -> None:
    with closing(Redis(unix_socket_path="/run/redis.sock")) as made:
        found = encryption(way(unconnected(link(made, "key"))) or pytest.fail("a socket is known"))

    assert found == Finding("encryption", Level.OK, "the connection stays on this host")


def test_a_server_is_judged_by_the_way_of_its_connections(
    door: str, authority: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_encryption, "is_local", lambda _: False)
    url = f"{door.format(KNOWN)}&ssl_ca_certs={authority}"
    ways = (url, f"{url}&ssl_check_hostname=false")

    found = [of(Queue.open(one)) for one in ways]

    assert [one.level for one in found] == [Level.OK, Level.WARNING]


def of(opened: Queue) -> Finding:
    with opened as queue:
        (found,) = [one for one in queue.diagnose() if one.subject == "encryption"]
    return found
