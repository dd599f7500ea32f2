"""TLS on the way to PostgreSQL: what the URL asks for holds, and what it leaves open is told."""

from __future__ import annotations

import os
import pwd
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from tests.servers.guard import another_user
from tests.servers.postgres import Server, installations
from tests.servers.tls_door import certificate

from gofastr_queue import BackendUnavailable, Queue
from gofastr_queue.records import Finding, Level
from gofastr_queue_sql import postgres_encryption
from gofastr_queue_sql.postgres_encryption import Way, encryption, is_local

KNOWN = "localhost"
"""The name in the certificate; its address is not there."""


@pytest.mark.parametrize(
    ("tls", "gss", "mode", "level", "said"),
    [
        (False, False, "prefer", Level.WARNING, "is not encrypted"),
        (False, False, "disable", Level.WARNING, "is not encrypted"),
        (False, True, "prefer", Level.OK, "encrypted by GSSAPI"),
        (True, False, "allow", Level.WARNING, "sslmode=allow whoever is in between can turn"),
        (True, False, "prefer", Level.WARNING, "sslmode=prefer whoever is in between can turn"),
        (True, False, "require", Level.NOTE, "require does not ask whose certificate"),
        (True, False, "verify-ca", Level.OK, "verify-ca holds"),
        (True, False, "verify-full", Level.OK, "verify-full holds"),
    ],
)
def test_a_way_over_the_network_is_judged(
    tls: bool, gss: bool, mode: str, level: Level, said: str
) -> None:
    found = encryption(Way("db.example.com", local=False, tls=tls, gss=gss, mode=mode))

    assert found.level is level
    assert said in found.text
    assert "'db.example.com'" in found.text
    assert "sslmode=verify-full" in found.remedy or level is Level.OK


def test_what_stays_on_the_host_needs_no_encryption() -> None:
    found = encryption(Way("/run/postgresql", local=True, tls=False, gss=False, mode="prefer"))

    assert found == Finding("encryption", Level.OK, "the connection stays on this host")


@pytest.mark.parametrize(
    ("host", "address", "local"),
    [
        ("/run/postgresql", "", True),
        ("@abstract", "", True),
        ("localhost", "127.0.0.1", True),
        ("localhost", "::1", True),
        ("127.0.0.9", "", True),
        ("db.example.com", "127.0.0.1", True),
        ("db.example.com", "192.0.2.1", False),
        ("localhost", "192.0.2.1", False),
        ("192.0.2.1", "", False),
        ("db.example.com", "", False),
    ],
)
def test_a_host_is_this_one_by_its_address(host: str, address: str, local: bool) -> None:
    assert is_local(host, address) is local


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate that only a server's user can use."""
    folder = tmp_path_factory.mktemp("tls")
    made = certificate(folder, f"DNS:{KNOWN}")
    if made is None:
        pytest.skip("no openssl on the PATH makes a certificate")
    return made


@pytest.fixture(scope="module")
def server(authority: Path) -> Iterator[Server]:
    """A server that speaks TLS."""
    speaking = [one for one in installations() if _speaks_tls(one.bin)]
    if not speaking:
        pytest.skip("no PostgreSQL here was built with TLS")
    with Server(speaking[0], fsync="off") as server:
        folder = server.folder / "data"
        owner: pwd.struct_passwd | None = another_user()
        for name in ("cert.pem", "key.pem"):
            copy = folder / name
            copy.touch(0o600)
            copy.write_bytes(authority.with_name(name).read_bytes())
            if owner is not None:
                os.chown(copy, owner.pw_uid, owner.pw_gid)
        with (folder / "postgresql.conf").open("a") as settings:
            settings.write("ssl = on\nssl_cert_file = 'cert.pem'\nssl_key_file = 'key.pem'\n")
        server.restart()
        yield server


def _speaks_tls(bin: Path) -> bool:
    said = subprocess.run([bin / "pg_config"], capture_output=True, text=True, check=False).stdout
    return "--with-openssl" in said or "--with-ssl" in said


def url(server: Server, host: str, **options: object) -> str:
    written = "&".join(f"{name}={quote(str(value), safe='')}" for name, value in options.items())
    return server.url().replace("@127.0.0.1:", f"@{host}:") + f"?{written}"


def found_at(url: str) -> Finding:
    with Queue.open(url) as queue:
        (found,) = [one for one in queue.diagnose() if one.subject == "encryption"]
    return found


def test_a_certificate_of_a_known_authority_and_of_this_host_is_accepted(
    server: Server, authority: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    verified = url(server, KNOWN, sslmode="verify-full", sslrootcert=authority)
    assert found_at(verified).text == "the connection stays on this host"
    monkeypatch.setattr(postgres_encryption, "is_local", lambda *_: False)

    found = found_at(verified)

    assert (found.level, found.text) == (
        Level.OK,
        f"the connection to '{KNOWN}' is encrypted, and verify-full holds",
    )


def test_a_certificate_that_nobody_known_has_signed_is_refused(
    server: Server, tmp_path: Path
) -> None:
    other = certificate(tmp_path, f"DNS:{KNOWN}")

    with pytest.raises(BackendUnavailable, match="check sslmode=, sslrootcert= and sslcert="):
        Queue.open(url(server, KNOWN, sslmode="verify-full", sslrootcert=other))


def test_the_certificate_of_another_host_is_refused(server: Server, authority: Path) -> None:
    with pytest.raises(BackendUnavailable, match="certificate"):
        Queue.open(url(server, "127.0.0.1", sslmode="verify-full", sslrootcert=authority))


@pytest.mark.parametrize(
    ("mode", "level", "said"),
    [
        ("disable", Level.WARNING, "is not encrypted"),
        ("prefer", Level.WARNING, "can turn that off"),
        ("require", Level.NOTE, "does not ask whose certificate"),
    ],
)
def test_what_is_not_verified_is_told_where_it_goes_over_the_network(
    server: Server, mode: str, level: Level, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres_encryption, "is_local", lambda *_: False)

    found = found_at(url(server, "127.0.0.1", sslmode=mode))

    assert found.level is level
    assert said in found.text
