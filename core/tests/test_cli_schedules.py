"""The commands on schedules: what they do to a real store, what they print, how they exit."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from gofastr_queue import Queue, Scheduler
from gofastr_queue.cli.app import app

HOUR = timedelta(hours=1)


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/jobs.db"


@pytest.fixture
def store(url: str) -> Iterator[Queue]:
    with Queue.open(url) as queue:
        yield queue


def call(url: str, *arguments: str) -> Result:
    return CliRunner().invoke(app, arguments, env={"GOFASTR_QUEUE_URL": url})


def document(url: str, *arguments: str) -> Any:
    return json.loads(call(url, *arguments, "--json").stdout)


@pytest.mark.skipif(not hasattr(time, "tzset"), reason="the zone of a process is fixed there")
def test_the_list_tells_the_next_fire_in_utc_in_its_zone_and_here(
    url: str, store: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    Scheduler(store).cron("0 2 1 1 *", "yearly", tz="Asia/Kolkata", lane="slow")
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    try:
        result = call(url, "schedules")
        (listed,) = document(url, "schedules", "list")["schedules"]
    finally:
        monkeypatch.undo()
        time.tzset()

    year = datetime.now(UTC).year
    moments = [f"{year}-12-31 20:30:00+00:00", f"{year + 1}-01-01 02:00:00+05:30"]
    moments += [f"{year}-12-31 15:30:00-05:00"]
    assert result.exit_code == 0
    for shown in ("yearly", "0 2 1 1 *", "Asia/Kolkata", "slow", *moments):
        assert shown in result.stdout
    assert [
        listed[name].replace("T", " ")
        for name in ("next_fire", "next_fire_in_its_zone", "next_fire_here")
    ] == moments


def test_an_empty_list_says_so(url: str) -> None:
    assert call(url, "schedules").stdout == "no schedules\n"
    assert document(url, "schedules") == {"schedules": []}


def test_a_schedule_is_run_paused_resumed_and_removed(url: str, store: Queue) -> None:
    Scheduler(store).every(HOUR, "digest", {"n": 1})

    said = [call(url, "schedules", verb, "digest").stdout for verb in ("pause", "resume", "remove")]

    assert said == ["paused digest\n", "resumed digest\n", "removed digest\n"]
    assert store.schedules() == []


def test_run_enqueues_now_beside_the_ticks(url: str, store: Queue) -> None:
    Scheduler(store).every(HOUR, "digest", {"n": 1})
    before = store.schedules()

    result = call(url, "schedules", "run", "digest")

    job = store.dequeue().job
    assert (result.exit_code, result.stdout) == (0, f"enqueued {job.id}\n")
    assert job.id.startswith("digest@")
    assert store.schedules() == before
    assert document(url, "schedules", "run", "digest")["payload"] == {"n": 1}


def test_show_tells_what_became_of_the_last_ticks(url: str, store: Queue) -> None:
    scheduler = Scheduler(store)
    scheduler.every(HOUR, "digest", start_at=datetime.now(UTC) - 3 * HOUR)
    scheduler.run_once()

    result = call(url, "schedules", "show", "digest", "--last=3")

    assert result.exit_code == 0
    assert result.stdout.count("missed") == 2
    assert result.stdout.count("enqueued") == 1
    shown = document(url, "schedules", "show", "digest")
    assert [one["fate"] for one in shown["occurrences"]] == ["enqueued"] + ["missed"] * 3


def test_one_that_cannot_be_read_is_listed_with_what_is_wrong(url: str, store: Queue) -> None:
    scheduler = Scheduler(store)
    scheduler.every(HOUR, "digest")
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as other, other:
        other.execute("UPDATE queue_jobs_schedules SET definition = '{'")

    assert "cannot be read" in call(url, "schedules").stdout
    assert call(url, "schedules", "run", "digest").exit_code == 1
    assert call(url, "schedules", "remove", "digest").exit_code == 0


@pytest.mark.parametrize("verb", ["show", "run", "pause", "resume", "remove"])
def test_an_unknown_schedule_is_said_to_be_unknown(url: str, verb: str) -> None:
    result = call(url, "schedules", verb, "nothing")

    assert result.exit_code == 1
    assert "no schedule 'nothing'" in result.stderr


def test_an_option_before_the_verb_is_not_lost_in_silence(url: str) -> None:
    result = call("", "schedules", "--url", url, "list")

    assert result.exit_code == 2
    assert "after list" in result.stderr
    assert call("", "schedules", "--url", url).stdout == "no schedules\n"
