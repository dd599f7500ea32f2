"""Schedules that the store keeps, for operators; ``Scheduler`` registers and fires them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from gofastr_queue import drafts, limits, schedules
from gofastr_queue.errors import CorruptSchedule
from gofastr_queue.job import OCCURRENCE, SCHEDULE, Job
from gofastr_queue.payload import to_json
from gofastr_queue.queue.opened import Opened
from gofastr_queue.records import Draft, Put, ScheduleDraft, StoredSchedule
from gofastr_queue.schedules import Definition, Schedule


class Scheduling(Opened):
    """The verbs of an operator on schedules."""

    def schedules(self, *ids: str, occurrences: int = 0) -> list[Schedule]:
        """Return these schedules, or all, by id, with so many of their newest occurrences."""
        hooks = self._hooks()
        limits.count("occurrences", occurrences, least=0)
        asked = [schedules.identity(id) for id in ids] or None
        stored = hooks.schedule_list(ids=asked, occurrences=occurrences)
        return [self._schedule(one) for one in stored]

    def pause_schedule(self, id: str) -> bool:
        """Let a schedule rest, also when it is registered anew; False if it is unknown."""
        return self._pause(id, paused=True)

    def resume_schedule(self, id: str) -> bool:
        """End a pause; the ticks in it are left out.  False if the schedule is unknown."""
        return self._pause(id, paused=False)

    def remove_schedule(self, id: str) -> bool:
        """Forget a schedule, not its jobs; False if it is unknown.

        An application that still registers it brings it back at its next start.
        """
        hooks = self._hooks()
        return bool(hooks.schedule_remove(ids=[schedules.identity(id)]))

    def run_schedule(self, id: str) -> Job | None:
        """Enqueue a schedule's job now, beside its ticks; None if it is unknown.

        Raises ``CorruptSchedule`` if it cannot be read.
        """
        hooks, now = self._hooks(), self._now()
        found = hooks.schedule_list(ids=[schedules.identity(id)], occurrences=0)
        if not found:
            return None
        made = self._draft_of(found[0].id, schedules.read(found[0].definition), now)
        puts = hooks.queue_put(drafts=[made], on_conflict="ignore", now=self._consumer.now())
        self._tell_scheduled(puts)
        return self._consumer.job(puts[0].job)

    def _pause(self, id: str, *, paused: bool) -> bool:
        hooks = self._hooks()
        draft = ScheduleDraft(schedules.identity(id), paused=paused)
        return bool(hooks.schedule_put(drafts=[draft], now=self._consumer.now()))

    def _schedule(self, stored: StoredSchedule) -> Schedule:
        try:
            definition = schedules.read(stored.definition)
            payload, _ = self._codec.decode(definition.payload, definition.headers)
        except Exception as error:  # noqa: BLE001 - one that cannot be read must not hide the others
            return Schedule(
                id=stored.id,
                paused=stored.paused,
                occurrences=stored.occurrences,
                problem=str(error),
            )
        rule = definition.rule(stored.registered_at)
        return Schedule(
            id=stored.id,
            when=definition.when,
            tz=definition.tz,
            type=definition.type,
            payload=payload,
            lane=definition.lane,
            priority=definition.priority,
            max_attempts=definition.max_attempts,
            catch_up=str(definition.catch_up),
            overlap=str(definition.overlap),
            paused=stored.paused,
            next_fire=None if stored.paused else rule.after(stored.watermark),
            occurrences=stored.occurrences,
        )

    def _draft_of(self, id: str, definition: Definition, tick: datetime) -> Draft:
        """Return the draft of a tick's job; the payload is encoded anew for each."""
        made_for = {SCHEDULE: id, OCCURRENCE: tick.isoformat()}
        if not self._codec.encoders:
            return Draft(
                id=schedules.job_id(id, tick),
                type=definition.type,
                payload=definition.payload,
                headers=to_json(made_for),
                lane=definition.lane,
                priority=definition.priority,
                max_attempts=limits.max_attempts(
                    definition.max_attempts, self._attempts(definition.type)
                ),
            )
        try:
            payload, headers = self._codec.decode(definition.payload, definition.headers)
            job = Job(
                id=schedules.job_id(id, tick),
                type=definition.type,
                payload=payload,
                lane=definition.lane,
                priority=definition.priority,
                max_attempts=definition.max_attempts,
                headers={**headers, **made_for},
            )
            return drafts.of_job(self._codec, self._attempts, job)[0]
        except Exception as error:
            raise CorruptSchedule(f"its job cannot be made: {error}") from error

    def _tell_scheduled(self, puts: Sequence[Put]) -> None:
        if self._observers.functions["jobs_enqueued"]:
            self._observers.enqueued([self._consumer.job(put.job) for put in puts], puts)
