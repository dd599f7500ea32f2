"""Writes to a file end a sleep, whoever writes; so does a ring, from any thread."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from gofastr_queue_sql.file_events import FileEvents

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has inotify")

LONG = 30.0
SOON = 10.0


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Make a file."""
    file = tmp_path / "log"
    file.write_text("begun\n")
    return file


@pytest.fixture
def events(file: Path) -> Iterator[FileEvents]:
    """Watch it."""
    events = FileEvents(str(file))
    yield events
    events.close()


def _write_elsewhere(file: Path) -> None:
    code = "import sys; open(sys.argv[1], 'a').write('more')"
    subprocess.run([sys.executable, "-c", code, str(file)], check=True)


def test_another_process_s_write_is_told_once(events: FileEvents, file: Path) -> None:
    _write_elsewhere(file)

    assert events.wait(LONG)
    assert not events.wait(0)


def test_a_write_ends_the_sleep(events: FileEvents, file: Path) -> None:
    writer = threading.Timer(0.2, _write_elsewhere, [file])
    writer.start()
    begin = time.monotonic()

    assert events.wait(LONG)
    assert time.monotonic() - begin < SOON
    writer.join()


def test_a_ring_ends_the_sleep_and_is_no_write(events: FileEvents) -> None:
    begin = time.monotonic()
    threading.Timer(0.1, events.ring).start()

    assert not events.wait(LONG)
    assert time.monotonic() - begin < SOON


def test_a_pause_is_ended_by_a_ring_alone(events: FileEvents, file: Path) -> None:
    _write_elsewhere(file)
    assert not events.pause(0.05)

    events.ring()

    assert events.pause(LONG)
    assert events.wait(LONG), "the write of before is told still"


def test_a_file_made_anew_is_watched_too(events: FileEvents, file: Path) -> None:
    file.unlink()
    events.wait(0)
    file.write_text("another\n")
    events.wait(0)

    _write_elsewhere(file)

    assert events.wait(LONG)


def test_no_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        FileEvents(str(tmp_path / "none"))
