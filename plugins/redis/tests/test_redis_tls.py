"""TLS is verified unless the URL says otherwise, and then it is said."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from tests.servers.redis import Address
from tests.servers.tls_door import certificate, tls_door

from gofastr_queue import BackendUnavailable, Queue

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
