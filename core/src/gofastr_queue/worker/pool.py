"""Slots that want the same jobs, and the pump that claims for them and settles after them.

The pump is one thread: it settles what has finished and claims what comes next in one turn at the
store.  Slots take jobs from the buffer between them.  Nothing here sleeps longer than the poll
interval, and no failure of the store ends the pump.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from datetime import timedelta

from gofastr_queue import failpoints, limits
from gofastr_queue.consumer import Claims, Consumer
from gofastr_queue.errors import QueueError, StoreFull
from gofastr_queue.handlers import Registry
from gofastr_queue.job import Claim
from gofastr_queue.records import Ack, Outcome, Release, Want
from gofastr_queue.worker.gate import Gate
from gofastr_queue.worker.keeper import Held, Keeper
from gofastr_queue.worker.pace import Pace
from gofastr_queue.worker.running import Finished, Settlement
from gofastr_queue.worker.suspects import Suspects
from gofastr_queue.worker.waiter import Waiter, Watch

log = logging.getLogger("gofastr_queue.worker")

FLUSH_SECONDS = 0.005
"""A finished job waits at most this long for company before it is settled."""

FLUSH_COUNT = 100
"""Finished jobs settled at once, without waiting for more."""

HOARD_SECONDS = 0.05
"""A claimed job that has not started by then goes back, for somebody with a free slot."""

HOARD_PAUSE = 0.2
"""Nothing is claimed ahead for as long after such a return."""

GATE_SECONDS = 0.1
"""How often closed types are asked about again."""

EMPTY_SECONDS = 0.02
"""After a claim that brought nothing, whatever the store said: others may hold what is ready."""

FIRST_PAUSE, LONGEST_PAUSE = 0.1, 2.0
"""Seconds between tries while the store fails, doubling from the first to the longest."""


after_claim = failpoints.point("worker.after_claim")
before_release = failpoints.point("shutdown.before_release")


class Pool:
    """A buffer of claimed jobs, the slots that empty it, and the pump that fills it."""

    def __init__(
        self,
        name: str,
        slots: int,
        want: Callable[[], Want | None],
        consumer: Consumer,
        handlers: Registry,
        keeper: Keeper,
        gate: Gate,
        suspects: Suspects,
        poll: timedelta,
    ) -> None:
        self.name = name
        self.slots = slots
        self._want = want
        self._consumer = consumer
        self._handlers = handlers
        self._keeper = keeper
        self._gate = gate
        self._suspects = suspects
        self._poll = poll.total_seconds()
        self._pace = Pace()
        self._lock = threading.Lock()
        self._jobs = threading.Condition(self._lock)
        self._work = threading.Condition(self._lock)
        self._buffer: deque[Held] = deque()
        self._half = 0
        self._finished: list[Finished] = []
        self._unknown: list[Claim] = []
        self._running: dict[int, float] = {}
        self._ask_at = 0.0
        self._nudges = 0
        self._pause = 0.0
        self._hoarded_until = 0.0
        self._turning = False
        self._stopping = False
        self._ended = False
        self._waiter = Waiter(consumer.calls, self.nudge)
        self.on_jobs: Callable[[], object] = lambda: None
        """Called after jobs were put into the buffer, for slots that do not wait in ``take``."""
        self._pump = threading.Thread(
            target=self._run, name=f"gofastr-queue-pump-{name}", daemon=True
        )

    def start(self) -> None:
        """Begin claiming."""
        self._waiter.start()
        self._pump.start()

    def nudge(self) -> None:
        """Ask the store again soon: a job may be ready."""
        with self._lock:
            self._ask_at = 0.0
            self._nudges += 1
            self._work.notify()

    def stop(self) -> None:
        """Claim no more; what has not started goes back."""
        with self._lock:
            self._stopping = True
            self._work.notify()
        self._waiter.stop()

    def join(self, timeout: float) -> bool:
        """Wait until everything that runs has finished and was settled."""
        if self._pump.ident is not None:
            self._pump.join(max(timeout, 0.0))
        return not self._pump.is_alive()

    def end(self) -> None:
        """Let every slot go, whatever still runs."""
        with self._lock:
            self._ended = True
            self._jobs.notify_all()
            self._work.notify()

    def idle(self) -> bool:
        """Tell whether no claim is in this pool."""
        with self._lock:
            return not self._holds() and not self._turning

    # What slots call

    def take(self, slot: int) -> Held | None:
        """Wait for the next job of a slot; None when the pool has ended."""
        with self._lock:
            return self._next(slot)

    def swap(self, slot: int, held: Held, settlement: Settlement) -> Held | None:
        """Hand in what became of a slot's job, and wait for its next."""
        with self._lock:
            self._end(slot, held, settlement)
            return self._next(slot)

    def try_take(self, slot: int) -> Held | None:
        """Return a job for a slot if one waits."""
        with self._lock:
            return self._begin(slot) if self._buffer and not self._stopping else None

    def finish(self, slot: int, held: Held, settlement: Settlement) -> None:
        """Hand in what became of a slot's job."""
        with self._lock:
            self._end(slot, held, settlement)

    def _end(self, slot: int, held: Held, settlement: Settlement) -> None:
        now = time.monotonic()
        self._pace.took(now - self._running.pop(slot))
        held.context = None
        self._finished.append(Finished(settlement, now, held))
        if len(self._finished) == 1 or not self._buffer:
            self._work.notify()

    def _next(self, slot: int) -> Held | None:
        while not self._buffer or self._stopping:
            if self._ended:
                return None
            self._jobs.wait()
        return self._begin(slot)

    def _begin(self, slot: int) -> Held:
        held = self._buffer.popleft()
        self._running[slot] = time.monotonic()
        if len(self._buffer) == self._half:
            self._work.notify()
        return held

    # The pump

    def _run(self) -> None:
        while True:
            with self._lock:
                while not self._over():
                    timeout = self._timeout()
                    if timeout <= 0:
                        break
                    self._work.wait(timeout)
                else:
                    return
                finished = self._finished + self._give_back()
                self._finished = []
                room = self._room()
                self._turning = True
            try:
                self._turn(finished, room)
                self._recovered()
            except BaseException as error:  # noqa: BLE001 - the pump outlives any failure
                self._failed(finished, error)
            finally:
                self._turning = False

    def _over(self) -> bool:
        return self._ended or (self._stopping and not self._holds())

    def _holds(self) -> bool:
        return bool(self._buffer or self._running or self._finished or self._unknown)

    def _timeout(self) -> float:
        """Return how long the pump has nothing to do; called with the lock held."""
        now = time.monotonic()
        if self._pause:
            return self._ask_at - now
        wake = now + self._poll
        if self._unknown:
            return 0.0
        if self._finished:
            alone = not self._buffer or len(self._finished) >= FLUSH_COUNT
            wake = now if alone else min(wake, self._finished[0].at + FLUSH_SECONDS)
        if self._buffer:
            wake = now if self._stopping else min(wake, self._buffer[0].waits_since + HOARD_SECONDS)
        if self._room():
            wake = min(wake, self._ask_at)
        quiet = self._suspects.quiet_until()
        if quiet > now:
            wake = min(wake, quiet)
        return wake - now

    def _room(self) -> int:
        """Return how many jobs to ask for; called with the lock held."""
        ahead = self._pace.ahead(self.slots) if time.monotonic() >= self._hoarded_until else 0
        self._half = ahead // 2
        if self._stopping or len(self._buffer) > self._half:
            return 0
        if self._suspects.quiet_until() > time.monotonic():
            return 0
        return max(self.slots + ahead - len(self._running) - len(self._buffer), 0)

    def _give_back(self) -> list[Finished]:
        """Empty the buffer when stopping, or when its jobs would wait too long for a slot."""
        now = time.monotonic()
        hoarded = self._buffer and now >= self._buffer[0].waits_since + HOARD_SECONDS
        if hoarded:
            self._hoarded_until = now + HOARD_PAUSE
            for began in self._running.values():
                self._pace.took(now - began)
        elif not self._stopping:
            return []
        unstarted = [*self._buffer]
        self._buffer.clear()
        return [Finished(Release(one.claim, Outcome.GIVE_BACK), now, one) for one in unstarted]

    def _turn(self, finished: list[Finished], room: int) -> None:
        """Settle what has finished and claim for the room there is, in one turn."""
        self._drop()
        if finished and self._stopping:
            before_release()
        since, nudges = time.monotonic(), self._nudges
        want = self._want() if room else None
        acks = [one.settlement for one in finished if isinstance(one.settlement, Ack)]
        releases = [one.settlement for one in finished if isinstance(one.settlement, Release)]
        claims: Claims | None = None
        if want is not None and self._consumer.calls.turns:
            settled, claims = self._consumer.turn(acks, releases, want, room)
            self._let_go(finished, Ack, Release)
            self._fill(claims.claims, since)
            self._consumer.tell(acks, releases, settled)
        else:
            self._consumer.settle(acks, ())
            self._let_go(finished, Ack)
            self._consumer.settle((), releases)
            self._let_go(finished, Release)
            if want is not None:
                claims = self._consumer.claim(want, room)
                self._fill(claims.claims, since)
        pause = self._longest_pause(since)
        if claims is not None:
            if claims.next_due is not None:
                pause = min(pause, claims.next_due.total_seconds())
            if not claims.claims:
                pause = max(pause, EMPTY_SECONDS)
        with self._lock:
            if room and self._nudges == nudges:  # else something came up during the turn
                self._ask_at = since + pause
        if want is not None and claims is not None and pause > 0:
            self._waiter.watch(Watch(want, since + pause, claims.due or limits.LATEST))

    def _let_go(self, finished: list[Finished], *kinds: type[Settlement]) -> None:
        """Forget what the store has settled, so that a later failure does not settle it again."""
        self._keeper.let_go(one.held.claim for one in finished if isinstance(one.settlement, kinds))
        finished[:] = [one for one in finished if not isinstance(one.settlement, kinds)]

    def _longest_pause(self, since: float) -> float:
        return min(self._poll, GATE_SECONDS) if self._gate.closed_since(since) else self._poll

    def _fill(self, claims: list[Claim], since: float) -> None:
        """Give claims to the slots; drop those that have no handler."""
        known: list[Claim] = []
        unknown: list[Claim] = []
        for claim in claims:
            (known if self._handlers.get(claim.job.type) else unknown).append(claim)
        held = self._keeper.hold(known, since)
        away = self._suspects.turned_away(held)
        if away:
            self._turn_away(away)
            held = [one for one in held if one not in away]
        if held:
            after_claim()
        now = time.monotonic()
        for one in held:
            one.waits_since = now
        with self._lock:
            self._buffer.extend(held)
            self._jobs.notify(len(held))
        if held:
            self.on_jobs()
        self._unknown += unknown
        self._drop()

    def _turn_away(self, away: dict[Held, Release]) -> None:
        """Give suspects back before any other job starts, for that may be the one that kills."""
        try:
            self._consumer.settle((), [*away.values()])
            self._keeper.let_go(one.claim for one in away)
        except Exception as error:  # noqa: BLE001 - a give-back is one settlement among others
            ids = [one.claim.job.id for one in away]
            log.error("not given back at once: %s; trying again: %s", error, ids)  # noqa: TRY400 - said
            now = time.monotonic()
            with self._lock:
                self._finished += [Finished(release, now, one) for one, release in away.items()]

    def _drop(self) -> None:
        """Ack what has no handler; what fails is tried again before the next claim."""
        if self._unknown:
            self._consumer.drop(self._unknown)
            self._unknown = []

    def _recovered(self) -> None:
        if self._pause:
            log.info("store answers again in pool %s", self.name)
        self._pause = 0.0

    def _failed(self, finished: list[Finished], error: BaseException) -> None:
        """Pause, and keep what was not settled for the next try, while its lease lasts."""
        now = time.monotonic()
        if isinstance(error, StoreFull):  # for the claim: settling alone makes room
            self._hoarded_until = now + LONGEST_PAUSE + HOARD_PAUSE
            finished = self._one_by_one(finished)
        elif not isinstance(error, QueueError):
            log.error("unexpected failure in pool %s", self.name, exc_info=error)
            finished = self._one_by_one(finished)
        late = [one for one in finished if now >= one.held.leased_until]
        kept = [one for one in finished if now < one.held.leased_until]
        self._keeper.let_go(one.held.claim for one in late)
        unheard = [one.held.claim.job.id for one in finished if not one.failed]
        unheard += [claim.job.id for claim in self._unknown]
        if unheard or late or not self._pause:
            log.error(
                "store failed in pool %s: %s; trying again; not settled: %s; left to the lease: %s",
                self.name,
                error,
                unheard,
                [one.held.claim.job.id for one in late],
            )
        for one in kept:
            one.failed = True
        with self._lock:
            self._pause = min(max(2 * self._pause, FIRST_PAUSE), LONGEST_PAUSE)
            self._ask_at = now + self._pause
            self._finished = kept + self._finished

    def _one_by_one(self, finished: list[Finished]) -> list[Finished]:
        """Settle each by itself, so that one which cannot be settled spoils no other."""
        kept: list[Finished] = []
        for one in finished:
            acks = [one.settlement] if isinstance(one.settlement, Ack) else []
            releases = [one.settlement] if isinstance(one.settlement, Release) else []
            try:
                self._consumer.settle(acks, releases)
            except QueueError:
                kept.append(one)
                continue
            except BaseException:
                job = one.held.claim.job
                log.exception("not settled, left to its lease", extra={"job": job.id})
            self._keeper.let_go([one.held.claim])
        return kept
