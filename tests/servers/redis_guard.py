"""Own one Redis server; the orders and its end are the other guard's."""

from __future__ import annotations

import signal
import socket
import sys
from pathlib import Path
from typing import ClassVar

from tests.servers.guard import Guarded, own

BUS = 10_000
"""How far above its port a node of a cluster listens to the other nodes."""

SECONDS_TO_ANSWER = 1


class Redis(Guarded):
    """A configuration, the data beside it, and the process that serves them."""

    ports: ClassVar = range(20_000, 32_000 - BUS)
    signals: ClassVar = {"shutdown": signal.SIGTERM, "kill": signal.SIGKILL}
    crash: ClassVar = "kill"

    def __init__(self, folder: Path, program: Path, options: list[str]) -> None:
        super().__init__(folder)
        self.data = folder / "data"
        self.configuration = folder / "redis.conf"
        self.program = program
        self.options = options
        self.password = ""

    def create(self, configuration: str, password: str) -> None:
        """Write the configuration, which contains the password, for its owner's eyes only."""
        self.data.mkdir()
        self.configuration.touch(0o600)
        self.configuration.write_text(configuration, "utf-8")
        self.password = password

    def command(self, port: int) -> list[Path | str]:
        """Return the server with its configuration, its port and its place."""
        place = ["--port", str(port), "--dir", str(self.data)]
        return [self.program, self.configuration, *place, *self.options]

    def is_ready(self, port: int, pid: int) -> bool:  # noqa: ARG002 - it alone knows the password
        """Ask for a PONG, which is refused for as long as the data is being loaded."""
        wanted = b"+OK\r\n+PONG\r\n"
        said = b""
        try:
            with socket.create_connection(("127.0.0.1", port), SECONDS_TO_ANSWER) as client:
                client.sendall(f"AUTH {self.password}\r\nPING\r\n".encode())
                while len(said) < len(wanted) and (more := client.recv(len(wanted))):
                    said += more
        except OSError:
            return False
        return said == wanted


def main(program: str, *options: str) -> None:
    """Own a Redis."""
    own("redis", lambda folder: Redis(folder, Path(program), list(options)))


if __name__ == "__main__":
    main(*sys.argv[1:])
