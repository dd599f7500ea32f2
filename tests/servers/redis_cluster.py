"""Several Redis servers that know each other: a cluster of masters, or a master and its sentinel.

with Cluster() as cluster:
    redis.RedisCluster.from_url(cluster.url)
"""

from __future__ import annotations

import secrets
import time
from contextlib import ExitStack
from types import TracebackType
from typing import ClassVar, Self

from redis import Redis
from tests.servers.redis import Installation, Server, ServerError
from tests.servers.redis_tools import connected

SLOTS = 16384
SECONDS = 30


class Cluster:
    """Masters that share the slots evenly, and one password; started at once."""

    def __init__(
        self, masters: int = 3, installation: Installation | None = None, **settings: object
    ) -> None:
        own: dict[str, object] = {
            "requirepass": secrets.token_urlsafe(16),
            "cluster_enabled": "yes",
            "cluster_announce_ip": "127.0.0.1",
            "cluster_node_timeout": 5000,
        }
        self._stack = ExitStack()
        self.nodes: list[Server] = []
        try:
            for _ in range(masters):
                node = Server(installation, **(own | settings))
                self.nodes.append(self._stack.enter_context(node))
            self._meet()
            self.wait()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def url(self) -> str:
        """The URL of one node, which knows the others."""
        return self.nodes[0].url()

    def wait(self) -> None:
        """Wait until each node knows every other and who has each slot."""
        deadline = time.monotonic() + SECONDS
        for node in self.nodes:
            with connected(node) as client:
                while not self._is_complete(client):
                    if time.monotonic() > deadline:
                        raise ServerError(f"no cluster after {SECONDS} s: {client.cluster('INFO')}")
                    time.sleep(0.01)

    def close(self) -> None:
        """End every node and remove its folder."""
        self._stack.close()

    def _meet(self) -> None:
        masters = len(self.nodes)
        for number, node in enumerate(self.nodes):
            first, end = SLOTS * number // masters, SLOTS * (number + 1) // masters
            with connected(node) as client:
                client.cluster("SET-CONFIG-EPOCH", number + 1)
                client.cluster("ADDSLOTS", *range(first, end))
                for other in self.nodes[:number]:
                    client.cluster("MEET", "127.0.0.1", other.port)

    def _is_complete(self, client: Redis) -> bool:
        info: dict[str, str] = client.cluster("INFO")
        known = info["cluster_known_nodes"] == info["cluster_size"] == str(len(self.nodes))
        return known and info["cluster_state"] == "ok"


class Sentinel(Server):
    """One that alone decides whether ``master`` is down, and who of its replicas follows it.

    The servers to choose from share the master's password, as ``requirepass`` and ``masterauth``.
    """

    defaults: ClassVar = {"bind": "127.0.0.1"}
    options: ClassVar = ("--sentinel",)

    def __init__(self, master: Server, name: str = "jobs", down_after: int = 500) -> None:
        lines = [
            f"monitor {name} 127.0.0.1 {master.port} 1",
            f"auth-pass {name} {master.password}",
            f"down-after-milliseconds {name} {down_after}",
            f"failover-timeout {name} 3000",
        ]
        super().__init__(None, sentinel=lines)
        self.name = name
