"""No password in any message, repr, log or traceback, however it was given and whatever fails."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import pytest
from redis import Redis, RedisCluster
from tests.servers.redis import Address, Server
from tests.servers.redis_cluster import Cluster
from tests.servers.redis_tools import acl_user, connected

from gofastr_queue import Queue, QueueError
from gofastr_queue.testing import drain
from gofastr_queue_redis import RedisBackend, connect

PASSWORD = "s3cr3t/%40:x"  # noqa: S105 - the canary of these tests
CODED = quote(PASSWORD, safe="")
CANARY = "s3cr3t"
"""In the password however it is written."""

HERE = "127.0.0.1:1"

URLS = [
    f"redis://me:{CODED}@{HERE}/0",
    f"redis://:{CODED}@{HERE}/0",
    f"rediss://me:{CODED}@{HERE}/0",
    f"redis://me:{PASSWORD}@{HERE}/0",
    f"redis://me:{CANARY}@x@{HERE}/0",
    f"redis://me:x@{CANARY}@{HERE}/0",
    f"redis://me:12/{CANARY}@{HERE}/0",
    f"redis://me:12?{CANARY}@{HERE}/0",
    f"redis://me:12#{CANARY}@{HERE}/0",
    f"redis://me:12?{CANARY}=@{HERE}/0",
    f"redis://me:{CANARY}",
    f"redis://:{CANARY}",
    f"redis://me%3A{CODED}@{HERE}/0",
    f"redis://me%3A{CANARY}%40{HERE}/0",
    f"redis://me@{HERE}/0?password={CODED}",
    f"redis://me@{HERE}/0?password={PASSWORD}",
    f"redis://me@{HERE}/0?p%61ssword={CODED}",
    f"rediss://me@{HERE}/0?ssl_password={CODED}&ssl_keyfile=/nowhere&ssl_certfile=/nowhere",
    f"redis://me@{HERE}/0?pasword={CODED}",
    f"redis://me@{HERE}/0?ssl_password={CODED}",
    f"redis://me@{HERE}/0?password={CODED}&port={CANARY}",
    f"redis://me:{CODED}@{HERE}/0?cluster=on",
    f"redis://me:{CODED}@{HERE}/3?cluster=on",
    f"redis://me:{CODED}@{HERE}/0?cluster=maybe",
    f"redis://me:{CODED}@{HERE}/0?name=a/b",
    f"redis://me:{CODED}@{HERE}/0?socket_timeout=soon",
    f"redis://me:{CODED}@{HERE}/0?protocol=7",
    f"redis://me:{CODED}@{HERE}/x",
    f"redis://me:{CODED}@host:port/0",
    f"redis://me:{CODED}@[::1]:1/0",
    f"redis://me:{CODED}@[::1/0",
    f"redis://me:{PASSWORD}@[::1]:1/0",
    f"redis://me:{CODED}@no-such-host.invalid/0",
]


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """Take down every log record of every library."""
    caplog.set_level(logging.DEBUG)
    return caplog


def shown(log: pytest.LogCaptureFixture) -> str:
    """Return what was logged, with the tracebacks of records."""
    formatter = logging.Formatter("%(message)s")
    return "\n".join(
        f"{formatter.format(record)} {record.args!r} {record.__dict__}" for record in log.records
    )


def fails_without_a_password(act: Callable[[], object]) -> str:
    """Return the message of what ``act`` raises, after a look at all that it shows."""
    try:
        act()
    except (QueueError, TypeError) as error:
        raised: BaseException = error
        told = traceback.format_exc()
    else:
        pytest.fail("nothing was raised")
    assert CANARY not in unquote(told)
    link: BaseException | None = raised
    while link is not None:
        assert CANARY not in unquote(f"{link} {link!r} {link.args!r}")
        link = link.__cause__ or (None if link.__suppress_context__ else link.__context__)
    return str(raised)


@pytest.mark.parametrize("url", URLS)
def test_a_url_that_cannot_be_opened_keeps_its_password(
    url: str, log: pytest.LogCaptureFixture
) -> None:
    assert fails_without_a_password(lambda: Queue.open(url))
    assert CANARY not in unquote(shown(log))


@pytest.mark.parametrize("options", ["", "?protocol=2", "?name=x", "?client_name=me"])
def test_a_refused_password_is_not_repeated(
    options: str, redis_server: Address, log: pytest.LogCaptureFixture
) -> None:
    url = redis_server.url(password=PASSWORD) + options

    said = fails_without_a_password(lambda: Queue.open(url))

    assert "check the user and the password" in said
    assert CANARY not in unquote(shown(log))


def test_a_cluster_does_not_repeat_a_refused_password(
    cluster: Cluster, log: pytest.LogCaptureFixture
) -> None:
    url = f"{cluster.nodes[0].url(password=PASSWORD)}?cluster=on"

    assert "check the user and" in fails_without_a_password(lambda: Queue.open(url))
    assert CANARY not in unquote(shown(log))


@pytest.mark.parametrize("way", ["url", "parameter", "client", "single", "cluster"])
def test_what_is_open_shows_no_password(way: str, log: pytest.LogCaptureFixture) -> None:
    clustered = way == "cluster"
    with Cluster(1, requirepass=PASSWORD) if clustered else Server(requirepass=PASSWORD) as server:
        backend, client = opened(way, server.url if isinstance(server, Cluster) else server.url())
        with Queue(backend) as queue:
            job = queue.enqueue("mail", {"to": "you"})
            queue.register_handler("mail", lambda _: None)
            assert drain(queue) == 1
            things = (backend, queue, queue.capabilities, job, backend._link, backend._bell, client)
            for one in (*things, *queue.diagnose()):
                assert CANARY not in unquote(f"{one!r} {one}")
        if client is not None:
            client.close()
    assert CANARY not in unquote(shown(log))


def opened(way: str, url: str) -> tuple[RedisBackend, Any]:
    if way == "cluster":
        client: Any = RedisCluster.from_url(url)
        return RedisBackend(client), client
    if way in ("client", "single"):
        client = Redis.from_url(url, single_connection_client=way == "single")
        return RedisBackend(client), client
    if way == "parameter":
        host = urlsplit(url).netloc.rpartition("@")[2]
        url = f"redis://{host}/0?password={CODED}"
    return connect(url), None


def test_a_password_that_becomes_wrong_during_the_run_is_told_without_it(
    redis_server: Address, name: str, log: pytest.LogCaptureFixture
) -> None:
    url = acl_user(redis_server, "turncoat", PASSWORD, "~*", "+@all")
    with Queue.open(f"{url}?name={name}") as queue, connected(redis_server) as owner:
        queue.enqueue("mail")
        owner.execute_command("ACL SETUSER", "turncoat", "resetpass", ">another")  # type: ignore[no-untyped-call]
        owner.execute_command("CLIENT KILL", "USER", "turncoat")  # type: ignore[no-untyped-call]

        said = fails_without_a_password(queue.dequeue)
        owner.acl_deluser("turncoat")

    assert "check the user and the password" in said
    assert CANARY not in unquote(shown(log))
