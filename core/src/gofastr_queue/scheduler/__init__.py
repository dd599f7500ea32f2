"""Recurring jobs: fired once per tick, however many processes run a scheduler."""

from __future__ import annotations

import logging
import signal
import threading
import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from types import FrameType, TracebackType
from typing import Any, Self

from gofastr_queue import limits
from gofastr_queue.cron import cron
from gofastr_queue.errors import InvalidOption, InvalidSchedule
from gofastr_queue.queue import Queue
from gofastr_queue.rules import every
from gofastr_queue.scheduler.agenda import Agenda
from gofastr_queue.schedules import CatchUp, Definition, Overlap, choice, identity

LONGEST_SLEEP = timedelta(seconds=60)
"""A scheduler looks at least so often: another process may have registered something."""

SIGNAL_SECONDS = 0.1
"""How late ``run`` may notice a signal."""

STOP_SECONDS = 5.0
"""How long a stop waits for a store that does not answer."""


class Scheduler:
    """Enqueues recurring jobs on one or more queues; each queue gets every job.

    Where a queue's store keeps schedules (the capability SCHEDULE), any number of schedulers may
    run on it: each tick is fired once, and what was registered outlives them.  Elsewhere schedules
    are kept in this object, and each process that runs one fires.  Errors while it runs are logged,
    never raised.
    """

    def __init__(self, *queues: Queue, logger: logging.Logger | None = None) -> None:
        """Schedule on ``queues``, which it never closes; ``logger`` replaces the package's."""
        if not queues or not all(isinstance(queue, Queue) for queue in queues):
            raise InvalidOption("give a Scheduler one Queue or more, for instance Scheduler(queue)")
        log = logging.getLogger("gofastr_queue") if logger is None else logger
        self._agendas = [Agenda(queue, log) for queue in dict.fromkeys(queues)]
        self._named: set[str] = set()
        self._woken = threading.Event()
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def every(
        self,
        period: timedelta,
        type: str,
        payload: Any = None,
        *,
        id: str = "",
        lane: str = "",
        priority: int = 0,
        max_attempts: int = 0,
        start_at: datetime | None = None,
        catch_up: str = "latest",
        overlap: str = "allow",
    ) -> None:
        """Enqueue a job at ``start_at + k * period`` for each k from 0 on.

        Without ``start_at`` the first tick is one period after the first registration.  ``id``
        names the schedule (default: the type): registering it again, here or elsewhere, changes it
        and keeps which ticks are decided.  ``catch_up`` is what becomes of ticks that nobody was
        there to fire: ``"latest"`` fires the newest, ``"all"`` each, the newest thousand at most,
        ``"none"`` only one that is less than a minute late; the others are recorded as missed.
        With ``overlap="skip"`` a tick is skipped while the job of the last one is pending or
        claimed.  The rest is as in ``Queue.enqueue``.  Raises ``InvalidSchedule`` or
        ``InvalidJob``, and then nothing was registered.
        """
        period = every(period)
        self._register(
            id, start_at, type, payload, lane, priority, max_attempts, catch_up, overlap,
            period=period,
        )  # fmt: skip

    def cron(
        self,
        spec: str,
        type: str,
        payload: Any = None,
        *,
        id: str = "",
        tz: str = "UTC",
        lane: str = "",
        priority: int = 0,
        max_attempts: int = 0,
        start_at: datetime | None = None,
        catch_up: str = "latest",
        overlap: str = "allow",
    ) -> None:
        """Enqueue a job whenever the clock on the wall in ``tz`` fits ``spec``, from now on.

        ``spec`` has the five fields of cron (minute, hour, day of month, month, day of week) or is
        a shortcut such as ``@daily``.  Where clocks are moved, fixed hours run once a day and hours
        with a star follow the time that passes.  ``start_at`` replaces now.  The rest is as in
        ``every``.
        """
        self._register(
            id, start_at, type, payload, lane, priority, max_attempts, catch_up, overlap,
            spec=cron(spec, tz).spec, tz=tz,
        )  # fmt: skip

    def run_once(self, now: datetime | None = None) -> int:
        """Fire what is due, and return how many jobs were enqueued.

        ``now`` is the moment to look at, default the queues' own.
        """
        moment = None if now is None else limits.moment("now", now)
        return sum(agenda.work(moment).enqueued for agenda in self._agendas)

    def start(self) -> None:
        """Fire in the background until ``stop``; a second start changes nothing."""
        with self._lock:
            if self._thread is not None and self._thread.is_alive():
                return
            self._stopped.clear()
            self._thread = threading.Thread(
                target=self._loop, name="gofastr-queue-scheduler", daemon=True
            )
            self._thread.start()

    def run(self) -> None:
        """Fire until ``stop`` or, in the main thread, SIGTERM or SIGINT."""
        signals: list[int] = []

        def receive(number: int, _frame: FrameType | None) -> None:
            signals.append(number)  # an Event may be locked by the thread that this interrupts

        here = threading.current_thread() is threading.main_thread()
        before = {
            number: signal.signal(number, receive)
            for number in ((signal.SIGTERM, signal.SIGINT) if here else ())
        }
        try:
            self.start()
            while not signals and not self._stopped.is_set():
                time.sleep(SIGNAL_SECONDS)
            self.stop()
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def stop(self) -> None:
        """Stop firing; repeatable.  What was registered stays in the store."""
        self._stopped.set()
        self._woken.set()
        with self._lock:  # a thread that is about to start cannot be joined yet
            thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(STOP_SECONDS)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _register(
        self,
        id: str,
        start_at: datetime | None,
        type: str,
        payload: Any,
        lane: str,
        priority: int,
        max_attempts: int,
        catch_up: str,
        overlap: str,
        **rule: Any,
    ) -> None:
        type = limits.name("type", type)
        name = identity(id or type)
        if not id and name in self._named:
            raise InvalidSchedule(f"there is a schedule {name!r} already: give this one an id=")
        fields: dict[str, Any] = {
            "type": type,
            "lane": limits.name("lane", lane, empty=True),
            "priority": limits.priority(priority),
            "max_attempts": limits.max_attempts(max_attempts) if max_attempts != 0 else 0,
            "start_at": None if start_at is None else limits.moment("start_at", start_at),
            "catch_up": choice("catch_up", CatchUp, catch_up),
            "overlap": choice("overlap", Overlap, overlap),
            **rule,
        }
        prepared: Sequence[tuple[Agenda, Definition]] = [
            (agenda, agenda.definition(payload, fields)) for agenda in self._agendas
        ]
        for agenda, definition in prepared:
            agenda.register(name, definition)
        self._named.add(name)
        self._woken.set()

    def _loop(self) -> None:
        while not self._stopped.is_set():
            self._woken.clear()
            waits = [agenda.work(None).wait for agenda in self._agendas]
            if all(agenda.closed for agenda in self._agendas):
                return
            wait = min([LONGEST_SLEEP, *(one for one in waits if one is not None)])
            if not self._stopped.is_set():
                self._woken.wait(wait.total_seconds())
