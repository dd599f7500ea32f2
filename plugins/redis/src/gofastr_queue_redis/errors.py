"""Redis's errors in the queue's words, each with what to do."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from gofastr_queue.errors import BackendUnavailable, QueueError, StoreFull

VANISHED = "went away before it said whether it had done it: look, or repeat what is idempotent"

FOREIGN = re.compile(r"FOREIGN (\S+)")

REMEDIES = (
    ("OOM ", "free memory or raise maxmemory"),
    ("WRONGPASS", "check the user and the password"),
    ("invalid username-password", "check the user and the password"),
    ("NOAUTH", "give a password: redis://user:password@host"),
    ("Authentication required", "give a password: redis://user:password@host"),
    ("without any password configured", "leave the password out, this server has none"),
    ("NOPERM", "allow it to this user by ACL SETUSER; the docs list the commands"),
    ("no permissions", "allow it to this user by ACL SETUSER; the docs list the commands"),
    ("READONLY", "this is a replica: give the master, or let Sentinel find it"),
    ("read only replica", "this is a replica: give the master, or let Sentinel find it"),
    ("LOADING", "wait until it has loaded its data"),
    ("loading the dataset", "wait until it has loaded its data"),
    ("MISCONF", "it cannot save its data: make room on its disk"),
    ("unable to persist", "it cannot save its data: make room on its disk"),
    ("CLUSTERDOWN", "wait until every slot of the cluster is served"),
    ("cluster is down", "wait until every slot of the cluster is served"),
    ("cluster support disabled", "this server is no cluster: leave cluster=true out"),
    ("MOVED", "this is a node of a cluster: add cluster=true, or give a RedisCluster"),
    ("BUSY", "a script of somebody else's holds it up: SCRIPT KILL ends it"),
    ("unknown command", "Redis 6.2 or Valkey 7.2 is needed"),
    ("DB index is out of range", "name a database that the server has"),
    ("Connection refused", "check host and port, and that the server runs"),
    ("Name or service not known", "check the name of the host"),
    ("Temporary failure in name resolution", "check the name of the host"),
    ("CERTIFICATE", "check ssl_ca_certs= and the name of the host"),
    ("Timeout", "check host, port and firewall, and that the server runs"),
    ("timed out", "check host, port and firewall, and that the server runs"),
    ("Too many connections", "raise max_connections of the client's pool, or use fewer workers"),
)
"""The first that fits says what to do."""

REFUSED = ("Connection refused", "Error 111", "Name or service", "resolution", "CERTIFICATE")
"""What a driver says of a connection that was never made."""


@contextmanager
def translated(place: str) -> Iterator[None]:
    """Turn a client's errors into ``BackendUnavailable`` or ``StoreFull`` with a remedy."""
    try:
        yield
    except QueueError:
        raise
    except Exception as error:
        raise translate(place, error) from error


def translate(place: str, error: Exception) -> QueueError:
    """Return the queue's error for a client's."""
    said = first_line(error)
    foreign = FOREIGN.search(said)
    if foreign is not None:
        return BackendUnavailable(
            f"the key {foreign[1]} of {place} holds something that is not of a queue; nothing was "
            "changed: give the queue another name=, or remove what does not belong there"
        )
    if "OOM" in said or "maxmemory" in said:
        return StoreFull(f"no room in {place}: {REMEDIES[0][1]}; the server said: {said}")
    remedy = next((remedy for words, remedy in REMEDIES if words in _whole(error)), "")
    if _is_answer(error):
        return BackendUnavailable(
            f"{place} refuses: {remedy or 'it cannot do it'}; the server said: {said}"
        )
    if any(words in said for words in REFUSED):
        return BackendUnavailable(f"cannot connect to {place}: {remedy}; {said}")
    return BackendUnavailable(f"{place} {VANISHED}; the client said: {said}")


def first_line(error: BaseException) -> str:
    """Return what an error says, without later lines."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def _whole(error: BaseException) -> str:
    return f"{type(error).__name__} {first_line(error)}"


def _is_answer(error: BaseException) -> bool:
    names = {kind.__name__ for kind in type(error).__mro__}
    return (
        bool(names & {"ResponseError", "AuthenticationError"})
        or re.match(r"(-|[A-Z]{3,} )", first_line(error)) is not None
    )
