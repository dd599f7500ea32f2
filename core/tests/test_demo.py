"""The demo: whatever is killed or stopped on the way, it ends with the same counts."""

from __future__ import annotations

import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
import tokenize
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gofastr_queue import Job, JobError, Queue
from gofastr_queue.cli.demo.folder import Folder, job_id, library, sources
from gofastr_queue.cli.demo.summary import summarize
from gofastr_queue.cli.demo.tally import Tally
from gofastr_queue.cli.demo.worker import ready_at

FILES = 30

needs_signals = pytest.mark.skipif(
    sys.platform == "win32", reason="signals end a process at once there"
)


def write(folder: Path, lines: int) -> Path:
    """Make a folder of valid source files, some in folders and codings of their own."""
    (folder / "söme").mkdir(parents=True)
    for number in range(FILES):
        text = "".join(f"value_{line} = [{number}, {line}]\n" for line in range(lines))
        name = f"söme/file {number}.py" if number % 2 else f"file{number}.py"
        coding = "latin-1" if number % 3 else "utf-8"
        content = f"# coding: {coding}\n'''ä'''\n{text}".encode(coding)
        (folder / name).write_bytes(content)
    (folder / "site-packages").mkdir()
    (folder / "site-packages" / "other.py").write_text("not = ours\n")
    return folder


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write(tmp_path / "source", lines=20)


@pytest.fixture
def long_source(tmp_path: Path) -> Path:
    """Files that take long enough to be stopped in the midst of them."""
    return write(tmp_path / "source", lines=800)


def command(source: Path, folder: Path, *arguments: str) -> list[str]:
    options = [f"--source={source}", f"--folder={folder}", "--processes=2", "--lease=2s"]
    return [sys.executable, "-m", "gofastr_queue", "demo", *options, *arguments]


def demo(source: Path, folder: Path, *arguments: str) -> dict[str, Any]:
    """Run the demo to its end and return its summary."""
    done = subprocess.run(
        command(source, folder, "--json", *arguments),
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    summary: dict[str, Any] = json.loads(done.stdout)
    return summary | {"said": done.stderr}


@contextmanager
def playing(source: Path, folder: Path) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        command(source, folder),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()


def until(condition: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.005)


def counted(folder: Path) -> dict[str, tuple[int, int]]:
    """Return lines and tokens by file, as the demo has counted them."""
    with closing(sqlite3.connect(folder / "results.db")) as results:
        rows = results.execute("SELECT file, lines, tokens FROM counted").fetchall()
    return {file: (lines, tokens) for file, lines, tokens in rows if not file.startswith("demo:")}


def expected(source: Path) -> dict[str, tuple[int, int]]:
    """Count lines and tokens without the demo."""
    counts = {}
    for name in sources(source):
        path = Folder(source).locate(name, source)
        with path.open("rb") as opened:
            tokens = sum(1 for _ in tokenize.tokenize(opened.readline))
        counts[name] = (len(path.read_bytes().splitlines()), tokens)
    return counts


def first_starts(folder: Path) -> list[str]:
    """Return the files whose job was started as a new one, once for each such start."""
    with closing(sqlite3.connect(folder / "results.db")) as results:
        rows = results.execute("SELECT file FROM starts WHERE attempt = 1 AND NOT again")
        return sorted(file for (file,) in rows)


def is_begun(folder: Path, files: int) -> bool:
    try:
        return len(counted(folder)) >= files
    except sqlite3.Error:  # the demo has not made its tables yet
        return False


def test_every_file_is_counted_and_what_must_fail_is_replayed_after_a_fix(
    source: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "work"

    summary = demo(source, folder)
    again = demo(source, folder)
    afresh = demo(source, folder, "--fresh")

    assert counted(folder) == expected(source)
    assert len(expected(source)) == FILES
    figures = ("files", "retries", "dead_letters", "replayed", "unreadable", "missing")
    for one in (summary, again, afresh):
        assert [one[name] for name in figures] == [FILES + 2, 4, 2, 2, 0, 0]
    assert (summary["counted_now"], again["counted_now"]) == (FILES + 2, 0)
    assert (afresh["counted_now"], afresh["counted_before"]) == (FILES + 2, 0)
    assert summary["pick_up_new"]["jobs"] == FILES + 2
    assert summary["pick_up_again"]["jobs"] == 6
    assert "two that must fail are written" in summary["said"]
    assert "unknown encoding: utf-88" in summary["said"]
    assert "an earlier run has done everything" in again["said"]


def test_a_source_that_is_not_ours_is_never_corrected_but_recorded(
    source: Path, tmp_path: Path
) -> None:
    (source / "bad coding.py").write_bytes(b"# coding: utf-88\nx = 1\n")
    (source / "python2.py").write_bytes(b"print 'old'\n")
    before = {path: path.read_bytes() for path in source.rglob("*.py")}

    summary = demo(source, tmp_path / "work")

    assert (summary["files"], summary["unreadable"], summary["missing"]) == (FILES + 2, 2, 0)
    assert (summary["dead_letters"], summary["replayed"], summary["retries"]) == (2, 2, 4)
    assert not (tmp_path / "work" / "broken").exists()
    assert {path: path.read_bytes() for path in source.rglob("*.py")} == before
    assert counted(tmp_path / "work")["bad%20coding.py"] == (2, 0)


@needs_signals
def test_a_worker_killed_in_mid_run_changes_no_count(long_source: Path, tmp_path: Path) -> None:
    folder = tmp_path / "work"
    with playing(long_source, folder) as process:
        until(lambda: is_begun(folder, 3))
        with Queue.open(f"sqlite:///{folder}/queue.db") as queue:
            held = killed_while_it_holds_a_job(process, queue)
        output, _ = process.communicate(timeout=110)

    assert process.returncode == 0, output
    assert "was ended by SIGKILL" in output
    assert counted(folder) == expected(long_source)
    with closing(sqlite3.connect(folder / "results.db")) as results:
        asked = "SELECT file FROM starts WHERE again OR attempt > 1"
        assert held <= {file for (file,) in results.execute(asked)}


def killed_while_it_holds_a_job(process: subprocess.Popen[str], queue: Queue) -> set[str]:
    """Kill one worker of the demo with a job in its hands; return the files it held."""
    assert process.stdout is not None
    for line in process.stdout:
        if found := re.search(r"worker processes: (\d+)", line):
            break
    assert found
    pid = int(found[1])
    while True:
        os.kill(pid, signal.SIGSTOP)
        until(lambda: has_stopped(pid))
        claimed = queue.list_jobs("claimed")
        held = {job.payload["file"] for job in claimed if f":{pid}:" in job.worker}
        if held:
            os.kill(pid, signal.SIGKILL)
            return held
        os.kill(pid, signal.SIGCONT)
        time.sleep(0.01)


def has_stopped(pid: int) -> bool:
    asked = ["ps", "-o", "stat=", "-p", str(pid)]
    return subprocess.run(asked, capture_output=True, text=True, check=True).stdout[0] == "T"


@needs_signals
def test_a_second_run_goes_on_where_the_first_was_stopped(
    long_source: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "work"
    with playing(long_source, folder) as process:
        until(lambda: is_begun(folder, 3))
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=60)
    before = counted(folder)

    summary = demo(long_source, folder)

    assert process.returncode == 1
    assert f"stopped: {len(before)} of {FILES} files are counted and nothing is lost" in output
    assert f"gofastr-queue demo --folder {folder} --source {long_source}" in output
    assert 3 <= len(before) < FILES
    assert (summary["counted_before"], summary["missing"]) == (len(before), 0)
    assert counted(folder) == expected(long_source)
    planted = ["demo:no_source.py", "demo:wrong_coding.py"]
    assert first_starts(folder) == sorted([*expected(long_source), *planted])


@needs_signals
def test_a_second_run_goes_on_where_the_first_was_killed(long_source: Path, tmp_path: Path) -> None:
    folder = tmp_path / "work"
    with playing(long_source, folder) as process:
        until(lambda: is_begun(folder, 3))
        process.kill()
        process.wait(30)

    summary = demo(long_source, folder)

    assert summary["missing"] == 0
    assert counted(folder) == expected(long_source)


def test_a_folder_of_another_source_is_refused_and_kept(source: Path, tmp_path: Path) -> None:
    folder = tmp_path / "work"
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "one.py").write_text("x = 1\n")
    with Tally(make(folder).results) as tally:
        tally.begin(str(source), timedelta(seconds=2))

    done = subprocess.run(
        command(tmp_path / "other", folder), capture_output=True, text=True, check=False
    )

    assert done.returncode == 2
    assert f"holds a demo on '{source}': add --fresh" in done.stderr


def make(path: Path) -> Folder:
    path.mkdir()
    return Folder(path)


def test_two_demos_do_not_share_a_folder(source: Path, tmp_path: Path) -> None:
    folder = Folder(tmp_path / "work")

    with folder.locked():
        done = subprocess.run(
            command(source, folder.path, "--fresh"), capture_output=True, text=True, check=False
        )

    assert done.returncode == 1
    assert "another demo uses" in done.stderr
    with folder.locked():
        assert folder.path.exists()


def test_a_folder_that_cannot_be_made_is_one_line(source: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    done = subprocess.run(
        command(source, tmp_path / "file" / "work"), capture_output=True, text=True, check=False
    )

    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "give another --folder" in done.stderr


def test_fresh_removes_only_what_the_demo_has_written(tmp_path: Path) -> None:
    folder = make(tmp_path / "work")
    folder.plant()
    folder.results.write_text("")
    (folder.path / "mine.db").write_text("")
    (folder.path / "broken" / "mine.py").write_text("")

    folder.clear()

    left = sorted(path.name for path in folder.path.rglob("*") if path.is_file())
    assert left == ["mine.db", "mine.py"]


def test_no_source_file_is_a_failure(tmp_path: Path) -> None:
    make(tmp_path / "empty")

    done = subprocess.run(
        command(tmp_path / "empty", tmp_path / "work"), capture_output=True, text=True, check=False
    )

    assert done.returncode == 1
    assert "no .py file" in done.stderr


def test_the_running_library_has_hundreds_of_files_each_found_again_by_its_name() -> None:
    folder = library()

    names = sources(folder)

    assert len(names) > 300
    assert all(Folder(Path()).locate(name, folder).is_file() for name in names[::50])
    assert len({job_id(name) for name in names}) == len(names)


def test_the_id_of_a_long_name_is_short_and_the_same_every_time() -> None:
    long = "folder/" * 60 + "file.py"

    assert job_id("a/b.py") == "a/b.py"
    assert job_id(long) == job_id(long) != job_id(long + "x")
    assert len(job_id(long)) <= 255


@pytest.mark.parametrize("name", ["../other.py", "a/../../b.py", "%2E%2E/b.py", "/etc/passwd"])
def test_a_name_never_leads_out_of_the_source_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="outside of the source folder"):
        Folder(tmp_path).locate(name, tmp_path)


def test_a_job_is_ready_from_the_last_moment_that_held_it_back() -> None:
    at = [datetime(2026, 1, day, tzinfo=UTC) for day in (1, 2, 3)]
    error = JobError(1, at[2], "LeaseExpired", "")

    new = Job(type="t", created_at=at[0], scheduled_at=at[0])
    delayed = Job(type="t", created_at=at[0], scheduled_at=at[1])
    taken_back = Job(type="t", created_at=at[0], scheduled_at=at[1], errors=(error,))

    assert ready_at(new) == at[0].timestamp()
    assert ready_at(delayed) == at[1].timestamp()
    assert ready_at(taken_back) == at[2].timestamp()


def test_a_file_that_is_counted_again_counts_once(tmp_path: Path) -> None:
    with Tally(tmp_path / "results.db") as tally:
        tally.count("a", 10, 100)
        tally.count("b", 1, 10, "ValueError: bad")
        tally.count("a", 10, 100)

        summary = summarize(tally, {"a", "b", "c"}, since=0.0, before=0)

    assert (summary.files, summary.lines, summary.tokens) == (2, 11, 110)
    assert (summary.unreadable, summary.missing) == (1, 1)


def test_latencies_are_those_of_jobs_that_became_ready_in_this_run(tmp_path: Path) -> None:
    now = time.time()
    with Tally(tmp_path / "results.db") as tally:
        tally.started("old", 1, now - 3600, again=False)
        for second in range(100):
            tally.started(str(second), 1, now - second, again=False)
        tally.started("retried", 2, now - 5, again=True)

        summary = summarize(tally, set(), since=now - 1000, before=0)

    assert summary.pick_up_new.jobs == 100
    assert summary.pick_up_new.p50 == pytest.approx(49, abs=0.5)
    assert summary.pick_up_new.p99 == pytest.approx(98, abs=0.5)
    assert summary.pick_up_again.jobs == 1
    assert summary.retries == 1
