"""Jobs that harm their worker: each fails with its reason, and everybody else's work is done."""

from __future__ import annotations

from collections import Counter

from tests.faults.crew import PATIENCE
from tests.faults.recorder import Recorder
from tests.faults.site import Site, work

from gofastr_queue.backends import connect
from gofastr_queue.calls import resolve
from gofastr_queue.records import Draft

JOBS = 1_000
ATTEMPTS = 3
LEASE = 1.5


def test_poison_fails_for_its_reason_and_every_other_job_is_done(site: Site) -> None:
    fifth = work(JOBS // 5, 0.001, max_attempts=ATTEMPTS)
    poison: dict[str, str] = {}
    for type in (
        "exit",
        "hostile",
        "garbage",
        "kill",
    ):  # the last: a death costs the others an attempt
        site.queue.enqueue_many(fifth)
        poison[type] = put_garbage(site) if type == "garbage" else put_poison(site, type)
    site.queue.enqueue_many(fifth)
    supervisor = site.crew.start(
        site.store.url, "--processes=2", "--reclaim-interval=300ms", lease=LEASE
    )
    site.drained(2 * PATIENCE)
    last = site.queue.enqueue_many(work(4, 0.2))
    site.drained()

    starts = Counter(effect.id for effect in site.effects())
    failed = {job.id: job for job in site.queue.list_jobs("failed")}
    kinds = {id: [error.kind for error in job.errors] for id, job in failed.items()}
    assert supervisor.alive()
    assert starts[poison["kill"]] == ATTEMPTS
    assert kinds == {
        poison["kill"]: ["LeaseExpired"] * ATTEMPTS,
        poison["exit"]: ["SystemExit"] * ATTEMPTS,
        poison["hostile"]: ["HostileError"] * ATTEMPTS,
        poison["garbage"]: ["CorruptJob"],
    }
    done = {effect.id for effect in site.effects() if effect.done is not None}
    assert len(done) == JOBS + len(last)
    assert site.violations() == []
    assert site.queue.stats() == {"pending": 0, "claimed": 0, "failed": len(failed)}
    assert supervisor.end() == 0, supervisor.text()


def put_poison(site: Site, type: str) -> str:
    """Enqueue a job that does harm, and return its id."""
    return site.queue.enqueue(type, max_attempts=ATTEMPTS).id


def put_garbage(site: Site) -> str:
    """Store a job whose payload is no JSON, as another program or a broken disk might."""
    hooks = resolve(connect(site.store.url), [Recorder(site.folder)]).hooks
    draft = Draft("garbage", "work", "{no JSON")
    hooks.queue_put(drafts=[draft], on_conflict="error", now=None)
    hooks.queue_close()
    return draft.id
