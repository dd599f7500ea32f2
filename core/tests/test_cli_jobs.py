"""The commands on jobs: what they do to a real store, what they print, how they exit."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from gofastr_queue import Queue
from gofastr_queue.cli.app import app


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/jobs.db"


@pytest.fixture
def store(url: str) -> Any:
    with Queue.open(url) as queue:
        yield queue


def call(url: str, *arguments: str, stdin: str | bytes | None = None) -> Result:
    return CliRunner().invoke(app, arguments, env={"GOFASTR_QUEUE_URL": url}, input=stdin)


def document(url: str, *arguments: str) -> Any:
    """Run a command with --json and return the one document that it prints."""
    return json.loads(call(url, *arguments, "--json").stdout)


def fail(queue: Queue, *ids: str, type: str = "mail", lane: str = "") -> None:
    """Enqueue jobs and let them fail for good."""
    for id in ids:
        queue.enqueue(type, id=id, lane=lane, max_attempts=1)
    for claim in queue.claim(len(ids), types=[type]):
        queue.nack(claim, "no such address")


def test_enqueue_stores_what_it_is_given(url: str, store: Queue) -> None:
    options = ["--id=a", "--lane=high", "--priority=7", "--max-attempts=5", "--delay=2h"]

    result = call(url, "enqueue", "mail", '{"to": "é"}', *options)

    assert (result.exit_code, result.stdout) == (0, "enqueued a\n")
    job = store.get("a")
    assert job is not None
    assert (job.type, job.payload, job.lane, job.priority) == ("mail", {"to": "é"}, "high", 7)
    assert job.max_attempts == 5
    assert job.created_at is not None
    assert job.scheduled_at == job.created_at + timedelta(hours=2)


def test_enqueue_takes_a_time_with_its_zone(url: str, store: Queue) -> None:
    result = call(url, "enqueue", "mail", "--id=a", "--at=2040-01-31T09:00+02:00")

    job = store.get("a")
    assert result.exit_code == 0
    assert job is not None
    assert job.scheduled_at == datetime(2040, 1, 31, 7, tzinfo=UTC)
    assert job.payload is None


def test_enqueue_reads_a_payload_from_stdin(url: str, store: Queue) -> None:
    result = call(url, "enqueue", "mail", "-", "--id=a", stdin='[1, "two"]\n')

    job = store.get("a")
    assert result.exit_code == 0
    assert job is not None
    assert job.payload == [1, "two"]


def test_enqueue_prints_the_job_as_one_document(url: str) -> None:
    job = document(url, "enqueue", "mail", '{"to": "x"}', "--id=a")

    assert (job["id"], job["payload"], job["status"]) == ("a", {"to": "x"}, "pending")
    assert datetime.fromisoformat(job["created_at"]).utcoffset() == timedelta(0)


def test_a_taken_id_fails_unless_the_first_job_is_to_stay(url: str, store: Queue) -> None:
    store.enqueue("mail", 1, id="a")

    refused = call(url, "enqueue", "mail", "2", "--id=a")
    ignored = call(url, "enqueue", "mail", "2", "--id=a", "--on-conflict=ignore")

    assert refused.exit_code == 1
    assert "already stored: 'a'" in refused.stderr
    assert ignored.exit_code == 0
    assert [job.payload for job in store.list_jobs()] == [1]


@pytest.mark.parametrize(
    ("arguments", "stdin", "code", "said"),
    [
        (["mail", "{bad"], None, 2, "is no JSON"),
        (["mail", "-"], b"\xff", 2, "no UTF-8"),
        (["mail", "[" * 5_000], None, 2, "too deep"),
        (["mail", "NaN"], None, 1, "not JSON"),
        (["", "1"], None, 1, "type must not be empty"),
        (["mail", "--priority=99999999999"], None, 1, "priority must be between"),
        (["mail", "--delay=7"], None, 2, "'7' is no duration; write 30s"),
        (["mail", "--at=2040-01-31T09:00"], None, 2, "has no zone; add Z"),
        (["mail", "--at=2040-01-31T09:00Z", "--delay=1s"], None, 2, "exclude each other"),
    ],
)
def test_what_cannot_be_enqueued_is_refused_with_a_remedy(
    url: str, store: Queue, arguments: list[str], stdin: bytes | None, code: int, said: str
) -> None:
    result = call(url, "enqueue", *arguments, stdin=stdin)

    assert result.exit_code == code
    assert said in result.stderr
    assert result.stderr.count("\n") == 1
    assert store.stats()["pending"] == 0


def test_list_filters_and_pages(url: str, store: Queue) -> None:
    for number in range(5):
        store.enqueue("mail", id=f"m{number}")
    store.enqueue("other", id="o", lane="high")
    fail(store, "f", type="failing")

    first = document(url, "jobs", "list", "--type=mail", "--limit=2")
    second = document(url, "jobs", "list", "--type=mail", "--limit=2", "--before", first["next"])
    every = document(url, "jobs", "list", "--type=mail", "--limit=2", "--all")
    failed = document(url, "jobs", "list", "--status=failed")
    high = document(url, "jobs", "list", "--lane=high")

    assert [job["id"] for job in first["jobs"]] == ["m4", "m3"]
    assert [job["id"] for job in second["jobs"]] == ["m2", "m1"]
    assert [job["id"] for job in every["jobs"]] == ["m4", "m3", "m2", "m1", "m0"]
    assert every["next"] == ""
    assert [job["errors"][0]["message"] for job in failed["jobs"]] == ["no such address"]
    assert [job["id"] for job in high["jobs"]] == ["o"]


def test_the_list_for_people_names_every_job_and_the_last_error(url: str, store: Queue) -> None:
    store.enqueue("mail", id="waits")
    fail(store, "failed", type="failing")

    shown = call(url, "jobs", "list", "--limit=2").stdout

    assert "waits" in shown
    assert "Nack: no such address" in shown


def test_nothing_to_list_is_no_failure(url: str) -> None:
    result = call(url, "jobs", "list")

    assert (result.exit_code, result.stdout) == (0, "no jobs\n")


def test_show_prints_payload_and_errors(url: str, store: Queue) -> None:
    store.enqueue("mail", {"to": ["a", "b"]}, id="a", max_attempts=1)
    store.nack(store.dequeue(), ValueError("no such address"))

    shown = call(url, "jobs", "show", "a")
    as_document = document(url, "jobs", "show", "a")

    assert shown.exit_code == 0
    assert '"to": [' in shown.stdout
    assert "ValueError: no such address" in shown.stdout
    assert as_document["payload"] == {"to": ["a", "b"]}
    assert as_document["errors"][0]["kind"] == "ValueError"


def test_showing_an_unknown_job_fails_by_name(url: str) -> None:
    result = call(url, "jobs", "show", "nobody")

    assert (result.exit_code, result.stdout) == (1, "")
    assert "no job 'nobody'" in result.stderr


def test_stats_count_by_status_lane_and_type(url: str, store: Queue) -> None:
    store.enqueue("mail", lane="high")
    store.enqueue("mail", lane="high")
    fail(store, "f", type="failing")

    counted = document(url, "stats")
    shown = call(url, "stats").stdout

    assert counted["totals"] == {"pending": 2, "claimed": 0, "failed": 1}
    assert [(one["lane"], one["type"], one["count"]) for one in counted["counts"]] == [
        ("", "failing", 1),
        ("high", "mail", 2),
    ]
    assert "2 pending   0 claimed   1 failed" in shown


def test_replay_by_id_fails_if_any_is_left_and_says_which(url: str, store: Queue) -> None:
    fail(store, "a", "b")
    store.enqueue("mail", id="waits")

    result = call(url, "replay", "a", "waits", "nobody")

    assert result.exit_code == 1
    assert result.stdout == "replayed a\n"
    assert "not failed: 'waits', 'nobody'" in result.stderr
    assert store.stats() == {"pending": 2, "claimed": 0, "failed": 1}


def test_replay_all_keeps_to_the_filters(url: str, store: Queue) -> None:
    fail(store, "a", "b")
    fail(store, "c", type="other")
    fail(store, "d", type="third", lane="low")

    by_type = document(url, "replay", "--all", "--type=mail")
    by_lane = document(url, "replay", "--all", "--lane=low")
    too_young = call(url, "replay", "--all", "--older-than=1h")

    assert (by_type, by_lane) == ({"replayed": 2}, {"replayed": 1})
    assert too_young.exit_code == 1
    assert "nothing replayed" in too_young.stderr
    assert store.stats() == {"pending": 3, "claimed": 0, "failed": 1}


@pytest.mark.parametrize("arguments", [[], ["a", "--all"], ["a", "--type=mail"]])
def test_replay_wants_either_ids_or_all(url: str, store: Queue, arguments: list[str]) -> None:
    fail(store, "a")

    result = call(url, "replay", *arguments)

    assert result.exit_code == 2
    assert store.stats()["failed"] == 1


def test_cancel_removes_what_is_not_claimed(url: str, store: Queue) -> None:
    store.enqueue("mail", id="claimed")
    store.dequeue()
    store.enqueue("mail", id="waits")

    result = document(url, "cancel", "waits", "claimed")

    assert result == {"cancelled": ["waits"], "not_cancelled": ["claimed"]}
    assert call(url, "cancel", "waits").exit_code == 1
    assert store.stats() == {"pending": 0, "claimed": 1, "failed": 0}


def test_purge_without_yes_removes_nothing(url: str, store: Queue) -> None:
    store.enqueue("mail")

    result = call(url, "purge", "pending")

    assert result.exit_code == 2
    assert "add --yes" in result.stderr
    assert store.stats()["pending"] == 1


def test_purge_removes_as_much_as_it_is_told(url: str, store: Queue) -> None:
    fail(store, "a", "b", "c")
    fail(store, "d", type="other")

    limited = document(url, "purge", "failed", "--type=mail", "--limit=2", "--yes")
    rest = call(url, "purge", "failed", "--type=mail", "--yes")
    nothing = call(url, "purge", "failed", "--type=mail", "--yes")

    assert limited == {"purged": 2}
    assert (rest.exit_code, rest.stdout) == (0, "purged 1\n")
    assert nothing.exit_code == 1
    assert [job.id for job in store.list_jobs()] == ["d"]


def test_claimed_jobs_are_not_purged(url: str) -> None:
    result = call(url, "purge", "claimed", "--yes")

    assert result.exit_code == 2
    assert "'pending', 'failed'" in result.stderr
