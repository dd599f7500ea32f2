"""Liars about what needs a file or several processes: transactions, durability, whose clock."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

from tests.conformance.tests.liars.catalogue import liar
from tests.conformance.tests.liars.honest import Memory, Sqlite

from gofastr_queue.capabilities import Capability
from gofastr_queue.errors import DuplicateJob
from gofastr_queue.hookspecs import hookimpl
from gofastr_queue.records import Draft, Put

LATEST = datetime(9999, 1, 1, tzinfo=UTC)


@liar(
    "test_a_job_is_there_after_the_commit_and_not_before",
    "test_what_is_no_transaction_is_refused",
    "test_a_taken_id_is_refused_and_changes_nothing[pending]",
    "test_a_stored_job_is_what_was_given",
)
class TransactionIgnored(Sqlite):
    """A caller's transaction is looked at, and the job stored at once."""

    @hookimpl
    def queue_put(
        self, drafts: Sequence[Draft], on_conflict: str, now: datetime | None, transaction: Any
    ) -> list[Put]:
        honest = isinstance(transaction, sqlite3.Connection)
        return super().queue_put(drafts, on_conflict, now, None if honest else transaction)


@liar(
    "test_a_rollback_leaves_nothing_and_frees_the_id",
    "test_what_is_no_transaction_is_refused",
    "test_a_duplicate_leaves_the_transaction_usable",
    "test_another_opening_of_the_store_shows_the_same",
)
class CommitsForItsCaller(Sqlite):
    """A put commits the caller's transaction, and begins another."""

    @hookimpl
    def queue_put(
        self, drafts: Sequence[Draft], on_conflict: str, now: datetime | None, transaction: Any
    ) -> list[Put]:
        puts = super().queue_put(drafts, on_conflict, now, transaction)
        if transaction is not None:
            transaction.execute("COMMIT")
            transaction.execute("BEGIN")
        return puts


@liar(
    "test_a_duplicate_leaves_the_transaction_usable",
    "test_a_rollback_leaves_nothing_and_frees_the_id",
    "test_the_callers_row_and_the_job_share_one_fate",
    "test_a_bulk_with_a_taken_id_at_its_end_stores_nothing",
)
class DuplicateRollsBack(Sqlite):
    """A duplicate undoes what the caller's transaction did before."""

    @hookimpl
    def queue_put(
        self, drafts: Sequence[Draft], on_conflict: str, now: datetime | None, transaction: Any
    ) -> list[Put]:
        try:
            return super().queue_put(drafts, on_conflict, now, transaction)
        except DuplicateJob:
            if transaction is not None:
                transaction.execute("ROLLBACK")
                transaction.execute("BEGIN")
            raise


@liar(
    "test_another_opening_of_the_store_shows_the_same",
    "test_a_closed_queue_says_so",
    "test_a_stored_job_is_what_was_given",
    "test_a_rollback_leaves_nothing_and_frees_the_id",
)
class CloseForgetsTheScheduled(Sqlite):
    """Closing removes the jobs that only wait for their time."""

    @hookimpl
    def queue_close(self) -> bool:
        with sqlite3.connect(self._file) as connection:
            connection.execute("DELETE FROM queue_jobs WHERE state = 'later'")
        connection.close()
        return super().queue_close()


@liar(
    "test_a_lease_outlives_the_opening_that_took_it",
    "test_a_taken_id_stays_taken",
    "test_what_comes_after_stands_behind_what_came_before",
    "test_a_failed_job_is_found_and_replayed",
)
class OpeningFreesWhatIsClaimed(Sqlite):
    """Opening takes every claimed job for one that a crash has left behind."""

    def __init__(self, file: Path, synchronous: str) -> None:
        super().__init__(file, synchronous=synchronous)
        self.queue_reclaim(1_000, "a crash", LATEST)


@liar(
    "test_a_second_process_sees_the_jobs_exactly_if_the_backend_says_so",
    "test_another_opening_of_the_store_shows_the_same",
    "test_a_claimed_job_is_not_handed_out_again",
    "test_a_stored_job_is_what_was_given",
)
class AloneInItsProcess(Memory):
    """It declares MULTI_PROCESS, and other processes see nothing."""

    url: ClassVar[str] = "memory://shared-by-nobody-else"
    capabilities = Memory.capabilities | {Capability.MULTI_PROCESS}


@liar(
    "test_a_workers_wrong_clock_matters_exactly_if_the_backend_says_so",
    "test_another_opening_of_the_store_shows_the_same",
    "test_a_claim_tells_what_it_leases",
    "test_a_delay_counts_from_the_stores_own_now",
)
class ClockOfTheClient(Sqlite):
    """It declares SERVER_CLOCK, and reads the clock of whoever calls."""

    capabilities = Sqlite.capabilities | {Capability.SERVER_CLOCK}
