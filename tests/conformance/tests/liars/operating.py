"""Liars about what operators use: lists, counts, replay, purge, findings."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import ClassVar

from attrs import evolve
from tests.conformance.tests.liars.catalogue import liar
from tests.conformance.tests.liars.honest import Memory

from gofastr_queue.hookspecs import hookimpl
from gofastr_queue.lifecycle import Status
from gofastr_queue.records import Count, Finding, JobQuery, Level, StoredPage


@liar(
    "test_the_latest_enqueued_comes_first",
    "test_getting_an_unknown_job_gives_nothing",
    "test_stats_are_what_the_lists_show",
    "test_pages_show_every_job_once[1]",
)
class OldestFirst(Memory):
    """A page shows its oldest job first."""

    @hookimpl
    def queue_browse(self, query: JobQuery) -> StoredPage:
        page = super().queue_browse(query)
        return evolve(page, jobs=page.jobs[::-1])


@liar(
    "test_pages_show_every_job_once[3]",
    "test_pages_show_every_job_once[11]",
    "test_the_latest_enqueued_comes_first",
    "test_lists_are_filtered_by_type_and_lane",
)
class CursorRepeatsAJob(Memory):
    """A page begins with the last job of the page before."""

    @hookimpl
    def queue_browse(self, query: JobQuery) -> StoredPage:
        page = super().queue_browse(query)
        small = query.limit is None or query.limit < 2
        return page if small or not page.next else evolve(page, next=f"{int(page.next) + 1}")


@liar(
    "test_pages_are_stable_while_jobs_come_and_go",
    "test_pages_show_every_job_once[3]",
    "test_pages_show_every_job_once[11]",
    "test_no_limit_means_a_hundred",
)
class CursorIsAnOffset(Memory):
    """A cursor says how many jobs to leave out, whatever comes and goes meanwhile."""

    @hookimpl
    def queue_browse(self, query: JobQuery) -> StoredPage:
        jobs = super().queue_browse(evolve(query, before="", limit=None)).jobs
        start = int(query.before) if query.before.isdecimal() else 0
        end = len(jobs) if query.limit is None else start + query.limit
        return StoredPage(jobs[start:end], f"{end}" if end < len(jobs) else "")


@liar(
    "test_lists_are_filtered_by_type_and_lane",
    "test_each_status_is_listed_apart",
    "test_the_latest_enqueued_comes_first",
    "test_purging_is_filtered_and_takes_the_earliest",
)
class DefaultLaneListsAll(Memory):
    """A list of the default lane shows every lane."""

    @hookimpl
    def queue_browse(self, query: JobQuery) -> StoredPage:
        return super().queue_browse(evolve(query, lane=query.lane or None))


@liar(
    "test_counts_follow_every_move",
    "test_stats_are_what_the_lists_show",
    "test_stats_always_have_each_status",
    "test_counts_tell_when_the_first_was_created",
)
class CountersDrift(Memory):
    """Counts are kept beside the jobs, and an expired lease is not subtracted."""

    @hookimpl
    def queue_stats(self) -> list[Count]:
        counts = super().queue_stats()
        expired = [
            Count(Status.CLAIMED, entry.lane, entry.type, 1, entry.created_at)
            for entry in self._store.entries.values()
            if any("LeaseExpired" in error.text for error in entry.errors)
        ]
        return [*counts, *expired]


@liar(
    "test_counts_tell_when_the_first_was_created",
    "test_counts_follow_every_move",
    "test_stats_are_what_the_lists_show",
    "test_stats_always_have_each_status",
)
class OldestOfAll(Memory):
    """Every count tells when the first job of the whole store was created."""

    @hookimpl
    def queue_stats(self) -> list[Count]:
        counts = super().queue_stats()
        return [evolve(one, oldest=min(each.oldest for each in counts)) for one in counts]


@liar(
    "test_older_than_is_an_age_and_strict",
    "test_lists_are_filtered_by_type_and_lane",
    "test_purging_by_age_is_strict",
    "test_no_limit_means_a_hundred",
)
class OlderOrAsOld(Memory):
    """A list of older jobs shows those that are just as old, too."""

    @hookimpl
    def queue_browse(self, query: JobQuery) -> StoredPage:
        if query.older_than is not None:
            query = evolve(query, older_than=query.older_than + timedelta(microseconds=1))
        return super().queue_browse(query)


@liar(
    "test_what_is_not_failed_is_not_replayed[pending]",
    "test_what_is_not_failed_is_not_replayed[claimed]",
    "test_a_replayed_job_goes_to_the_back",
    "test_many_are_replayed_earliest_first_up_to_the_limit",
)
class ReplaysPending(Memory):
    """Replaying a job that is named makes it ready even if it only waits for its time."""

    @hookimpl
    def queue_replay(self, query: JobQuery, now: datetime | None) -> list[str]:
        waiting = [
            entry
            for entry in self._store.matching(evolve(query, ids=query.ids or ()))
            if entry.status is Status.PENDING and not entry.ready
        ]
        for entry in waiting:
            self._store.later.remove(entry)
            self._store.bury(entry)
        return super().queue_replay(query, now)


@liar(
    "test_a_replayed_job_has_all_its_attempts_again",
    "test_a_replayed_job_goes_to_the_back",
    "test_what_is_not_failed_is_not_replayed[pending]",
    "test_a_failure_is_replayed_once",
)
class ReplayResetsNothing(Memory):
    """A replayed job has the attempts it had."""

    @hookimpl
    def queue_replay(self, query: JobQuery, now: datetime | None) -> list[str]:
        attempts = {id: entry.attempts for id, entry in self._store.dead.items()}
        replayed = super().queue_replay(query, now)
        for id in replayed:
            self._store.entries[id].attempts = attempts[id]
        return replayed


@liar(
    "test_a_replayed_job_starts_anew_and_keeps_its_errors",
    "test_a_replayed_job_has_all_its_attempts_again",
    "test_a_replayed_job_goes_to_the_back",
    "test_replaying_is_filtered",
)
class ReplayLosesErrors(Memory):
    """A replayed job has no errors any more."""

    @hookimpl
    def queue_replay(self, query: JobQuery, now: datetime | None) -> list[str]:
        replayed = super().queue_replay(query, now)
        for id in replayed:
            self._store.entries[id].errors = ()
        return replayed


@liar(
    "test_claimed_jobs_are_never_purged",
    "test_purging_by_age_is_strict",
    "test_purging_is_filtered_and_takes_the_earliest",
    "test_an_id_named_twice_counts_once",
)
class PurgesClaimed(Memory):
    """Purging takes claimed jobs too."""

    @hookimpl
    def queue_purge(self, query: JobQuery) -> int:
        claimed = [one for one in self._store.matching(query) if one.status is Status.CLAIMED]
        for entry in claimed:
            self._store.end_claim(entry)
            self._store.remove(entry)
        return len(claimed) + super().queue_purge(query)


@liar(
    "test_purging_by_age_is_strict",
    "test_purging_removes_for_good_and_counts",
    "test_older_than_is_an_age_and_strict",
    "test_replaying_is_filtered",
)
class PurgeIgnoresAge(Memory):
    """Purging takes jobs however new they are."""

    @hookimpl
    def queue_purge(self, query: JobQuery) -> int:
        return super().queue_purge(evolve(query, older_than=None))


@liar(
    "test_purging_removes_for_good_and_counts",
    "test_claimed_jobs_are_never_purged",
    "test_a_capability_of_hooks_is_there_or_refused_as_a_whole[replay]",
    "test_a_failure_is_replayed_once",
)
class PurgeDoesNothing(Memory):
    """Purging is there, says that it did, and does nothing."""

    @hookimpl
    def queue_purge(self, query: JobQuery) -> int:
        matching = self._store.matching(query)
        return sum(entry.status is not Status.CLAIMED for entry in matching)


@liar(
    "test_a_capability_of_hooks_is_there_or_refused_as_a_whole[diagnose]",
    "test_a_capability_of_hooks_is_there_or_refused_as_a_whole[replay]",
    "test_a_backend_says_who_it_is",
    "test_looking_changes_nothing",
)
class HalfACapability(Memory):
    """An examination is offered and silently not there: it is no hook."""

    def queue_diagnose(self, now: datetime | None) -> list[Finding]:  # noqa: ARG002 - a fake
        return []


@liar(
    "test_no_finding_holds_a_password",
    "test_a_finding_says_what_was_found_and_what_to_do",
    "test_an_examination_changes_nothing",
    "test_a_backend_says_who_it_is",
)
class TellsItsPassword(Memory):
    """A finding shows the URL with its password."""

    url: ClassVar[str] = "liar://worker:s3cr3t@localhost/jobs"

    @hookimpl
    def queue_diagnose(self, now: datetime | None) -> list[Finding]:
        opened = Finding("place", Level.OK, f"opened {self.url}")
        return [*super().queue_diagnose(now), opened]


@liar(
    "test_an_examination_changes_nothing",
    "test_a_finding_says_what_was_found_and_what_to_do",
    "test_looking_changes_nothing",
    "test_a_backend_says_who_it_is",
)
class ExaminationReplays(Memory):
    """An examination replays the dead letters, to see whether it can."""

    @hookimpl
    def queue_diagnose(self, now: datetime | None) -> list[Finding]:
        self.queue_replay(JobQuery(), now)
        return super().queue_diagnose(now)
