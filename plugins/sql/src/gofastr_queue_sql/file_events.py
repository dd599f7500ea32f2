"""Writes to a file as the kernel tells them to whoever waits: inotify(7), which only Linux has.

Three calls of the C library are all that is needed; packages that wrap them start a program to
find that library, which is loaded already.
"""

from __future__ import annotations

import ctypes
import os
import select
import sys
from contextlib import suppress

IN_MODIFY = 0x2
"""From <sys/inotify.h>."""

READ_BYTES = 4096


class FileEvents:
    """Waits for writes to one file; one thread waits, any thread rings."""

    def __init__(self, file: str) -> None:
        """Begin; raises ``OSError`` without such a file, and where the system has no events."""
        if sys.platform != "linux":
            raise OSError(f"{sys.platform} has no inotify")
        self._file = os.fsencode(file)
        self._library = ctypes.CDLL(None, use_errno=True)
        self._events = _checked(self._library.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC))
        try:
            self._watch()
            self._bell = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        except OSError:
            os.close(self._events)
            raise
        self._both, self._bell_alone = select.poll(), select.poll()
        for poll in (self._both, self._bell_alone):
            poll.register(self._bell, select.POLLIN)
        self._both.register(self._events, select.POLLIN)

    def wait(self, seconds: float) -> bool:
        """Sleep until a write or a ring; tell whether there was a write since the last call."""
        with suppress(OSError):  # it is away, and may come back
            self._watch()
        self._both.poll(seconds * 1_000)
        self._answer()
        try:
            return bool(os.read(self._events, READ_BYTES))
        except BlockingIOError:
            return False

    def pause(self, seconds: float) -> bool:
        """Sleep until a ring, whatever is written; tell whether there was one."""
        rung = bool(self._bell_alone.poll(seconds * 1_000))
        self._answer()
        return rung

    def ring(self) -> None:
        """End the sleep that goes on, or else the next one."""
        os.eventfd_write(self._bell, 1)

    def close(self) -> None:
        """Give the descriptors back; nobody may sleep any more."""
        os.close(self._events)
        os.close(self._bell)

    def _watch(self) -> None:
        """Watch what is at the path now: a file that was deleted and made anew is another."""
        _checked(self._library.inotify_add_watch(self._events, self._file, IN_MODIFY))

    def _answer(self) -> None:
        with suppress(BlockingIOError):
            os.eventfd_read(self._bell)


def _checked(result: int) -> int:
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result
