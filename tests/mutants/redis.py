"""Redis's mutants: what its scripts promise, broken one at a time."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

REDIS = "plugins/redis/src/gofastr_queue_redis"
TESTS = "plugins/redis/tests"

ON_REDIS = f"{TESTS}/test_redis_put.py {TESTS}/test_redis_bell.py {TESTS}/test_redis_conformance.py"


def _script(promise: int, breaks: str, name: str, old: str, new: str) -> Mutant:
    return Mutant(promise, f"redis: {breaks}", f"{REDIS}/lua/{name}.lua", old, new, ON_REDIS)


REDIS_MUTANTS = [
    # 1. No job is lost or doubled
    _script(
        1,
        "an id that is taken is stored again",
        "put_plain",
        "if redis.call('HEXISTS', JOBS, id) == 1 then\n  return false\nend\n",
        "",
    ),
    _script(
        1,
        "purge takes claimed jobs",
        "purge",
        "if job and string.find(ARGV[2], job.status, 1, true) then",
        "if job then",
    ),
    # 2. Fencing
    _script(
        2,
        "any token fits a claimed job",
        "state",
        "string.sub(text, 1, AFTER_TOKEN - 1) == 'c' .. token",
        "string.sub(text, 1, 1) == 'c'",
    ),
    _script(
        2,
        "an ack counts twice",
        "ack",
        "is_current(text, ARGV[cursor + 2 * number]) and not done[id]",
        "is_current(text, ARGV[cursor + 2 * number])",
    ),
    # 3. Attempts
    _script(
        3,
        "a claim after the first is not counted",
        "claim",
        "job.attempts + 1, job.scheduled",
        "job.attempts, job.scheduled",
    ),
    _script(
        3,
        "a lease that runs out is always tried again",
        "reclaim",
        "if job.attempts < limit_of(bodies[number]) then",
        "if true then",
    ),
    _script(
        3,
        "a job that is given back has used its attempt",
        "nack",
        "          job.attempts = job.attempts - 1\n",
        "",
    ),
    # 4. Never early
    _script(
        4,
        "what falls due within a second is ready",
        "lines",
        "if earlier(NOW, due) then\n    become_later",
        "if earlier(after(1000000), due) then\n    become_later",
    ),
    # 5. Order
    _script(
        5,
        "priorities are turned round",
        "state",
        "2147483647 - priority, place)",
        "2147483647 + priority, place)",
    ),
    _script(
        5,
        "a more urgent job does not become the head of its line",
        "put_plain",
        "elseif tonumber(urgency, 16) <",
        "elseif false and tonumber(urgency, 16) <",
    ),
    _script(
        5,
        "a replayed job keeps its old place",
        "replay",
        "string.format('%012x', place + number)",
        "string.sub(job.rank, 9)",
    ),
    # 6. The store's clock
    _script(
        6,
        "an extended lease may become shorter",
        "extend",
        "not done[id] and earlier(job.lease, until_)",
        "not done[id]",
    ),
    # 9. Wake-ups
    _script(
        9,
        "nobody is told of a new job",
        "put_plain",
        "  redis.call('XADD', BELL, 'MAXLEN', 1, '*', 'rung', line)\n",
        "",
    ),
    _script(
        9,
        "nobody is told of what falls due sooner",
        "lines",
        "local ring = sooner and ''",
        "local ring = false",
    ),
    # 11. Replay
    _script(
        11,
        "what is not failed is replayed",
        "replay",
        "if job and job.status == 'f' then",
        "if job then",
    ),
]
