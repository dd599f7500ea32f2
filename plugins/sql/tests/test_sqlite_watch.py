"""Of all that wait, one looks; when it leaves, the next one looks."""

from __future__ import annotations

import multiprocessing
import os
import sys
import threading
import time
from pathlib import Path

import pytest

from gofastr_queue_sql.sqlite_watch import Watch

ON_LINUX = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has inotify")


def test_when_the_one_that_looks_leaves_the_next_one_looks() -> None:
    version = [0]
    watch = Watch(lambda: version[0], "no such file")
    noticed = threading.Event()

    def wait_long() -> None:
        if watch.wait(watch.writes(), watch.wakes(), time.monotonic() + 30):
            noticed.set()

    looking = threading.Thread(
        target=lambda: watch.wait(watch.writes(), watch.wakes(), time.monotonic() + 0.1)
    )
    looking.start()
    sleeping = threading.Thread(target=wait_long, daemon=True)
    sleeping.start()
    looking.join()

    version[0] = 1

    assert noticed.wait(10), "nobody looked any more"
    sleeping.join()


def test_an_error_of_a_look_reaches_one_and_the_others_go_on() -> None:
    version: list[int | None] = [0]
    failed, noticed = threading.Event(), threading.Event()

    def look() -> int:
        if version[0] is None:
            version[0] = 0
            raise OSError("the file is away")
        return version[0]

    watch = Watch(look, "no such file")

    writes = watch.writes()

    def wait() -> None:
        try:
            watch.wait(writes, 0, time.monotonic() + 30)
            noticed.set()
        except OSError:
            failed.set()

    threads = [threading.Thread(target=wait, daemon=True) for _ in range(2)]
    for thread in threads:
        thread.start()
    version[0] = None
    assert failed.wait(10)

    version[0] = 1

    assert noticed.wait(10), "nobody looked any more"


@ON_LINUX
def test_one_who_waits_hardly_looks_while_nothing_is_written(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.touch()
    looks = [0]

    def look() -> int:
        looks[0] += 1
        return 0

    watch = Watch(look, str(log))

    assert not watch.wait(watch.writes(), 0, time.monotonic() + 1)
    watch.end()

    assert looks[0] <= 6


@ON_LINUX
def test_a_write_is_noticed_when_it_is_seen_and_not_yet_when_it_is_told(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.touch()
    version = [0]
    watch = Watch(lambda: version[0], str(log))

    def commit_later() -> None:
        log.write_text("frames")
        time.sleep(0.02)
        version[0] = 1

    writes = watch.writes()
    threading.Timer(0.05, commit_later).start()

    assert watch.wait(writes, 0, time.monotonic() + 30)
    assert version == [1]
    watch.end()


@ON_LINUX
def test_waits_leave_no_descriptor_behind(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.touch()
    before = len(list(Path("/proc/self/fd").iterdir()))

    watch = Watch(lambda: 0, str(log))
    waiting = threading.Thread(target=watch.wait, args=(watch.writes(), 0, time.monotonic() + 30))
    waiting.start()
    time.sleep(0.05)
    watch.end()
    waiting.join(10)

    assert not waiting.is_alive()
    assert len(list(Path("/proc/self/fd").iterdir())) == before


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no forks here")
def test_a_child_looks_for_itself_while_its_parent_waits(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.touch()
    version = multiprocessing.get_context("fork").Value("i", 0)
    watch = Watch(lambda: version.value, str(log))
    writes = watch.writes()
    waiting = threading.Thread(target=watch.wait, args=(writes, 0, time.monotonic() + 30))
    waiting.start()
    time.sleep(0.05)

    child = os.fork()
    if child == 0:
        os._exit(0 if watch.wait(writes, 0, time.monotonic() + 20) else 1)
    time.sleep(0.2)
    version.value = 1
    log.write_text("frames")
    _, status = os.waitpid(child, 0)
    waiting.join(10)

    assert os.waitstatus_to_exitcode(status) == 0
    assert not waiting.is_alive()
    watch.end()
