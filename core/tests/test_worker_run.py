"""``Queue.run`` blocks until somebody ends it."""

from __future__ import annotations

import subprocess
import sys

CLOSED_BY_ANOTHER_THREAD = """
import threading
from gofastr_queue import Queue
queue = Queue.open("memory://")
queue.register_handler("close", lambda job: threading.Thread(target=queue.close).start())
queue.enqueue("close")
queue.run(workers=1)
print("ended", queue)
"""


def test_run_ends_when_another_thread_closes_the_queue() -> None:
    done = subprocess.run(
        [sys.executable, "-c", CLOSED_BY_ANOTHER_THREAD],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )

    assert (done.returncode, done.stdout) == (0, "ended <Queue on memory, closed>\n"), done.stderr
