"""Of all that wait, one looks; when it leaves, the next one looks."""

from __future__ import annotations

import threading
import time

from gofastr_queue_sql.sqlite_watch import Watch


def test_when_the_one_that_looks_leaves_the_next_one_looks() -> None:
    version = [0]
    watch = Watch(lambda: version[0])
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

    watch = Watch(look)

    def wait() -> None:
        try:
            watch.wait(0, 0, time.monotonic() + 30)
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
