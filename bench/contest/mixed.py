"""Jobs that come at a steady rate while one worker runs, and what a worker costs that has none."""

from __future__ import annotations

from attrs import frozen
from bench.calibration import calibrate
from bench.contest import cpu
from bench.contest.caller import ContestantError, Refusal
from bench.contest.field import OURS, RAW, WRAPPED
from bench.contest.referee import Referee
from bench.contest.samples import DRAIN, ENQUEUE, IDLE, MIXED, Sample
from bench.report import say
from bench.sizes import Sizes

RATE = 500
SPARE = 1.5
"""A peer takes part if it enqueues and drains so many times quicker than jobs come."""

IDLE_SECONDS = 10.0


@frozen
class Mixed:
    """The works that take their time, and are done once."""

    referee: Referee
    sizes: Sizes

    def run(self) -> None:
        """Measure everybody."""
        everybody = [who for who in self.referee.callers if who not in {RAW, WRAPPED}]
        self.referee.each(MIXED, self._mixed, everybody)
        self.referee.each(IDLE, self._idle, [OURS])

    def _mixed(self, who: str) -> None:
        samples = self.referee.samples
        slowest = min(samples.rate(ENQUEUE, who), samples.rate(DRAIN, who))
        if who != OURS and slowest < SPARE * RATE:
            raise Refusal(f"{slowest:,.0f} jobs/s are too few for {RATE} in every second")
        say(f"{self.referee.arena.name}: {who}: {RATE} jobs/s for {self.sizes.seconds} s")
        jobs, speed = RATE * self.sizes.seconds, calibrate()
        served = self._served()
        answer = self.referee.ask(who, "mixed", rate=RATE, seconds=self.sizes.seconds)
        self.referee.holds(who, 0)
        millis = answer["ms"]
        if len(millis) != jobs:
            raise ContestantError(f"{who} handled {len(millis)} of {jobs} jobs")
        speed = (speed + calibrate()) / 2
        costs = {"clients": answer["cpu_seconds"], "server": self._served() - served}
        samples.every.append(Sample(MIXED, who, 0, jobs, speed, answer["seconds"], millis, costs))

    def _idle(self, who: str) -> None:
        seconds = min(IDLE_SECONDS, self.sizes.seconds)
        spent = self.referee.ask(who, "idle", seconds=seconds)["cpu_seconds"]
        costs = {"clients": spent}
        self.referee.samples.every.append(Sample(IDLE, who, 0, 0, 0.0, seconds, [], costs))

    def _served(self) -> float:
        """Return the processor time of the server, 0 where there is none."""
        server = self.referee.arena.server
        return cpu.seconds(server) if server else 0.0
