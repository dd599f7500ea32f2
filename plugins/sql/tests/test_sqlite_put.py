"""One plain job is one statement: it waits for others' writes, and finds its id taken or free."""

from __future__ import annotations

import sqlite3
import threading
import time
from pathlib import Path

import pytest

from gofastr_queue import DuplicateJob, Queue

HELD_SECONDS = 0.3
BUSY_SECONDS = 1.0


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'jobs.db'}"


def test_it_waits_for_the_write_of_another_process(url: str, tmp_path: Path) -> None:
    with Queue.open(url) as queue:
        other = sqlite3.connect(tmp_path / "jobs.db", isolation_level=None, check_same_thread=False)
        other.execute("BEGIN IMMEDIATE")
        began = time.monotonic()
        threading.Timer(HELD_SECONDS, other.rollback).start()

        queue.enqueue("mail")

        assert time.monotonic() - began >= HELD_SECONDS
        assert queue.stats()["pending"] == 1
        other.close()


def test_an_id_that_comes_and_goes_is_taken_or_free(url: str) -> None:
    stored = taken = acked = 0
    over = threading.Event()

    def work() -> None:
        nonlocal acked
        with Queue.open(url) as queue:
            while not over.is_set():
                acked += len(queue.ack_many(queue.claim(10)))

    worker = threading.Thread(target=work)
    with Queue.open(url) as queue:
        worker.start()
        until = time.monotonic() + BUSY_SECONDS
        while time.monotonic() < until:
            try:
                queue.enqueue("mail", id="the only one")
                stored += 1
            except DuplicateJob:
                taken += 1
        over.set()
        worker.join()
        left = queue.stats()["pending"]

    assert stored > 1
    assert taken > 1
    assert stored == acked + left
