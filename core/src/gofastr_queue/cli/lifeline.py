"""The pipe between a supervisor and each of its processes, which is the process's stdin.

A line in it asks the process to stop; its end says that the supervisor has died.  Unlike signals
it works the same on every system, and the end arrives however the supervisor died.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
from datetime import timedelta

from gofastr_queue.queue import Queue

log = logging.getLogger("gofastr_queue.work")

STOP = b"stop\n"

ORPHAN_GRACE = timedelta(seconds=3)
"""How long handlers may go on without a supervisor: the process must be gone within 5 s."""


class Lifeline:
    """The process's end of the pipe, watched from a thread."""

    def __init__(self) -> None:
        """Take the pipe away from stdin, so that nothing a handler starts reads from it."""
        self.queue: Queue | None = None
        self._pipe = os.dup(0)
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)
        threading.Thread(target=self._watch, name="gofastr-queue-lifeline", daemon=True).start()

    def _watch(self) -> None:
        while os.read(self._pipe, len(STOP)):
            _terminate()
        log.warning("the supervisor has died: stopping")
        try:
            if self.queue is not None:
                self.queue.close(ORPHAN_GRACE)
        except Exception:
            log.exception("the queue was not closed; its leases will end")
        finally:
            _terminate()


def _terminate() -> None:
    """Do to the main thread what SIGTERM does: before the worker runs, the process ends."""
    if hasattr(signal, "pthread_kill"):
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGTERM)
    else:
        signal.raise_signal(signal.SIGTERM)
