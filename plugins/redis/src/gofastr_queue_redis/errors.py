"""Redis's errors in the queue's words, each with what to do."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

from gofastr_queue.errors import BackendUnavailable, QueueError, StoreFull

VANISHED = "went away before it said whether it had done it: look, or repeat what is idempotent"

FOREIGN = re.compile(r"FOREIGN (\S+)")

_PASSWORD = "check the user and the password"  # noqa: S105 - no password
_NO_PASSWORD = "give a password: redis://user:password@host"  # noqa: S105 - an example
_FORBIDDEN = "allow it to this user by ACL SETUSER; the docs list the commands"
_REPLICA = "this is a replica: give the master, or let Sentinel find it"
_LOADING = "wait until it has loaded its data"
_DISK = "it cannot save its data: make room on its disk"
_SLOTS = "wait until every slot of the cluster is served"
_MOVING = "the cluster is moving the queue to another node: try again in a moment"
_NO_CLUSTER = "this server is no cluster: leave cluster=true out"
_NODE = "this is a node of a cluster: add cluster=true, or give a RedisCluster"
_FOREIGN = "give the queue another name=, or remove what does not belong there"
_HOST = "check the name of the host"
_WAY = "check host, port and firewall, and that the server runs"
_POOL = "raise max_connections of the client's pool, or use fewer workers"
_TLS = "check that this port speaks TLS; if it does not, write redis://"
_NO_REDIS = "this is no Redis: check host and port"

REMEDIES = (
    ("OOM ", "free memory or raise maxmemory"),
    ("WRONGPASS", _PASSWORD),
    ("invalid username-password", _PASSWORD),
    ("invalid password", _PASSWORD),
    ("without any password configured", "leave the password out, this server has none"),
    ("HELLO must be called", _NO_PASSWORD),
    ("NOAUTH", _NO_PASSWORD),
    ("Authentication required", _NO_PASSWORD),
    ("NOPERM", _FORBIDDEN),
    ("no permissions", _FORBIDDEN),
    ("NoPermission", _FORBIDDEN),
    ("The user executing the script", _FORBIDDEN),
    ("READONLY", _REPLICA),
    ("read only replica", _REPLICA),
    ("ReadOnly", _REPLICA),
    ("previous master", "a moment later Sentinel names the new one"),
    ("MasterNotFound", "check the name that Sentinel has for the master, and that it knows one"),
    ("LOADING", _LOADING),
    ("loading the dataset", _LOADING),
    ("MISCONF", _DISK),
    ("unable to persist", _DISK),
    ("CLUSTERDOWN", _SLOTS),
    ("cluster is down", _SLOTS),
    ("ClusterDown", _SLOTS),
    ("not covered by the cluster", _SLOTS),
    ("cluster support disabled", _NO_CLUSTER),
    ("Cluster mode is not enabled", _NO_CLUSTER),
    ("MOVED", _NODE),
    ("MovedError", _NODE),
    ("AskError", _MOVING),
    ("TryAgain", _MOVING),
    ("ASK ", _MOVING),
    ("TRYAGAIN", _MOVING),
    ("BUSY", "a script of somebody else's holds it up: SCRIPT KILL ends it"),
    ("WRONGTYPE", _FOREIGN),
    ("unknown command", "Redis 6.2 or Valkey 7.2 is needed"),
    ("DB index is out of range", "name a database that the server has"),
    ("CERTIFICATE", "check ssl_ca_certs= and the name of the host"),
    ("No such file or directory", "check the paths of ssl_ca_certs=, ssl_certfile= and the like"),
    ("SSL", _TLS),
    ("handshake operation timed out", _TLS),
    ("Protocol Error", _NO_REDIS),
    ("Protocol error", _NO_REDIS),
    ("Connection refused", "check host and port, and that the server runs"),
    ("Name or service not known", _HOST),
    ("name resolution", _HOST),
    ("No address associated", _HOST),
    ("Timeout", _WAY),
    ("timed out", _WAY),
    ("Too many connections", _POOL),
    ("No connection available", _POOL),
    ("closed by server", "check host and port; if the server speaks TLS, write rediss://"),
)
"""The first that fits says what to do."""

REFUSED = ("Connection refused", "Error 111", "Name or service", "resolution", "CERTIFICATE")
"""What a driver says of a connection that was never made."""


class NotSentError(Exception):
    """No connection could be had, so nothing was sent; its cause says why."""


@contextmanager
def translated(place: str) -> Iterator[None]:
    """Turn a client's errors into ``BackendUnavailable`` or ``StoreFull`` with a remedy."""
    try:
        yield
    except Exception as error:  # noqa: BLE001 - raised by fail
        fail(place, error)


def fail(place: str, error: Exception) -> NoReturn:
    """Raise the queue's error for a client's."""
    if isinstance(error, QueueError):
        raise error
    if isinstance(error, NotSentError):
        reason = error.__cause__ or error
        raise translate(place, reason, sent=False) from reason
    raise translate(place, error) from error


def translate(place: str, error: BaseException, *, sent: bool = True) -> QueueError:
    """Return the queue's error for a client's; ``sent`` tells whether something may be done."""
    said = first_line(error)
    found = FOREIGN.search(said)
    if found is not None:
        return BackendUnavailable(
            f"the key {found[1]} of {place} holds something that is not of a queue; nothing was "
            f"changed: {_FOREIGN}"
        )
    if "OOM" in said or "maxmemory" in said:
        return StoreFull(f"no room in {place}: {REMEDIES[0][1]}; the server said: {said}")
    remedy = next((remedy for words, remedy in REMEDIES if words in _whole(error)), "")
    if _is_answer(error):
        return BackendUnavailable(
            f"{place} refuses: {remedy or 'it cannot do it'}; the server said: {said}"
        )
    if not sent or any(words in said for words in REFUSED):
        return BackendUnavailable(
            f"cannot connect to {place}: {remedy or _WAY}; the client said: {said}"
        )
    return BackendUnavailable(f"{place} {VANISHED}; the client said: {said}")


def foreign(key: str) -> Exception:
    """Return the error that scripts raise for a key that holds what is not of a queue."""
    return ValueError(f"FOREIGN {key}")


def first_line(error: BaseException) -> str:
    """Return what an error says, without later lines."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def _whole(error: BaseException) -> str:
    behind = error.__cause__ or error.__context__
    return f"{type(error).__name__} {first_line(error)} {first_line(behind) if behind else ''}"


def _is_answer(error: BaseException) -> bool:
    names = {kind.__name__ for kind in type(error).__mro__}
    return (
        bool(names & {"ResponseError", "AuthenticationError", "BusyLoadingError"})
        or re.match(r"(-|[A-Z]{3,} )", first_line(error)) is not None
    )
