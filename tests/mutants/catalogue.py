"""The mutants: one broken promise each, as a text to replace in one source file."""

from __future__ import annotations

from tests.mutants.crashes import CRASHES
from tests.mutants.faults import FAULTS
from tests.mutants.mutant import Mutant
from tests.mutants.postgres import POSTGRES
from tests.mutants.processes import PROCESSES
from tests.mutants.redis import REDIS_MUTANTS
from tests.mutants.schedules import SCHEDULES

CORE = "core/src/gofastr_queue"
MEMORY = "plugins/memory/src/gofastr_queue_memory"
SQL = "plugins/sql/src/gofastr_queue_sql"

ON_MEMORY = "plugins/memory/tests"
ON_SQLITE = "plugins/sql/tests -k 'not postgres'"
ON_ENQUEUED = "core/tests/test_queue.py core/tests/test_payload.py"


def _sqlite(promise: int, breaks: str, file: str, old: str, new: str) -> Mutant:
    return Mutant(promise, f"sqlite: {breaks}", f"{SQL}/{file}", old, new, ON_SQLITE)


def _memory(promise: int, breaks: str, file: str, old: str, new: str) -> Mutant:
    return Mutant(promise, f"memory: {breaks}", f"{MEMORY}/{file}", old, new, ON_MEMORY)


def _core(promise: int, breaks: str, file: str, old: str, new: str) -> Mutant:
    return Mutant(promise, f"core: {breaks}", f"{CORE}/{file}", old, new, ON_MEMORY)


MUTANTS = [
    # 1. No job is lost or doubled
    _sqlite(
        1,
        "a bulk with a duplicate stores the others",
        "sqlite_moves.py",
        'cursor.execute("ROLLBACK TO gofastr_queue_put")',
        'cursor.execute("SELECT 1")',
    ),
    _memory(
        1,
        "a bulk with a duplicate stores the others",
        "backend.py",
        "    if taken:\n        raise DuplicateJob(taken)\n",
        "",
    ),
    _sqlite(
        1, "purge takes claimed jobs", "sqlite_sql/purge.sql", "state <> 'claimed' AND", "1 AND"
    ),
    _memory(
        1,
        "purge takes claimed jobs",
        "backend.py",
        "free = [one for one in store.matching(query) if one.status is not Status.CLAIMED]",
        "free = list(store.matching(query))",
    ),
    _sqlite(
        1,
        "writes begin deferred",
        "sqlite_connection.py",
        'cursor.execute("BEGIN IMMEDIATE")',
        'cursor.execute("BEGIN")',
    ),
    _sqlite(
        1,
        "counts forget what is not due",
        "sqlite_sql/stats.sql",
        "INDEXED BY {table}_later WHERE state = 'later'",
        "INDEXED BY {table}_later WHERE state = 'later' AND 0",
    ),
    _memory(
        1,
        "an acked job stays stored",
        "backend.py",
        "    store.end_claim(entry)\n    store.remove(entry)\n    return True",
        "    store.end_claim(entry)\n    return True",
    ),
    _core(
        1,
        "what was not started is not given back at a stop",
        "worker/pool.py",
        "        unstarted = [*self._buffer]\n",
        "        unstarted: list[Held] = []\n",
    ),
    # 2. A token fences every claim
    _sqlite(2, "ack without the token", "sqlite_sql/ack.sql", "token = ?", "token <> ?"),
    _sqlite(
        2,
        "nack without the token",
        "sqlite_sql/nack.sql",
        "AND token = :token AND",
        "AND :token <> '' AND",
    ),
    _sqlite(2, "extend without the token", "sqlite_sql/extend.sql", "token = ?", "? <> ''"),
    _memory(
        2,
        "no token is compared",
        "store.py",
        "entry.token == token and token else None",
        "token else None",
    ),
    _sqlite(
        2,
        "one token for a whole batch",
        "sqlite_moves.py",
        "tokens = new_tokens(len(found))",
        "tokens = list(new_tokens(1)) * len(found)",
    ),
    _sqlite(
        2,
        "a token made of the id and the attempt",
        "sqlite_moves.py",
        "tokens = new_tokens(len(found))",
        'tokens = [f"{row[1]}:{row[7]}" for row in found]',
    ),
    _memory(2, "a reclaimed claim keeps its token", "entries.py", '        self.token = ""\n', ""),
    _memory(
        2,
        "a late ack is refused though nobody took over",
        "backend.py",
        "            return [ack for ack in acks if _ack(store, ack)]",
        "            gone = set(map(id, store.leased.until(_now(now), 9)))\n"
        "            on = store.entries.get\n"
        "            mine = [a for a in acks if id(on(a.claim.job.id)) not in gone]\n"
        "            return [ack for ack in mine if _ack(store, ack)]",
    ),
    # 3. Attempts
    _sqlite(
        3,
        "attempts do not rise at the claim",
        "sqlite_sql/claim.sql",
        "attempts = attempts + 1, ",
        "",
    ),
    _memory(
        3, "attempts do not rise at the claim", "store.py", "        entry.attempts += 1\n", ""
    ),
    _sqlite(3, "a release counts", "sqlite_moves.py", '"uncounted": 1 if', '"uncounted": 0 if'),
    _memory(3, "a release counts", "backend.py", "        entry.attempts -= 1\n", "        pass\n"),
    _sqlite(
        3,
        "an expired last attempt is tried again",
        "sqlite_sql/reclaim.sql",
        "WHEN attempts < max_attempts",
        "WHEN attempts <= max_attempts",
    ),
    _memory(
        3,
        "an expired last attempt is tried again",
        "backend.py",
        "if entry.attempts < entry.max_attempts:",
        "if entry.attempts <= entry.max_attempts:",
    ),
    _core(
        3,
        "a failed last attempt is tried again",
        "outcomes.py",
        "if job.attempts >= allowed:",
        "if job.attempts > allowed:",
    ),
    _sqlite(
        3,
        "an expiry keeps no reason",
        "sqlite_sql/reclaim.sql",
        "THEN json_insert(errors, '$[#]', json_array(attempts, :now, :error))",
        "THEN errors",
    ),
    # 4. Never early
    _sqlite(
        4,
        "what is scheduled is ready at once",
        "rows.py",
        'return "ready" if job.scheduled_at <= now else "later"',
        'return "ready"',
    ),
    _memory(
        4,
        "what is scheduled is ready at once",
        "store.py",
        "entry.ready = moment <= now",
        "entry.ready = True",
    ),
    _sqlite(
        4,
        "the backoff is forgotten",
        "sqlite_moves.py",
        "waits = not buried and release.delay > AT_ONCE",
        "waits = False",
    ),
    _core(
        4, "the backoff begins doubled", "retry.py", "min(attempts - 1, 64)", "min(attempts, 64)"
    ),
    _core(
        4,
        "the backoff has no cap",
        "retry.py",
        "cap = min(self.max or LONGEST_DELAY, LONGEST_DELAY)",
        "cap = LONGEST_DELAY",
    ),
    # 5. Order
    _sqlite(
        5,
        "low priorities first",
        "sqlite_sql/line.sql",
        "ORDER BY priority DESC, seq",
        "ORDER BY priority, seq",
    ),
    _memory(
        5,
        "low priorities first",
        "lines.py",
        "(-entry.priority, entry.place, ticket, entry)",
        "(entry.priority, entry.place, ticket, entry)",
    ),
    _sqlite(
        5,
        "lines are not merged",
        "lines.py",
        "return list(line(chosen[0][0], chosen[0][1]))\n",
        "return list(line(chosen[0][0], chosen[0][1]))\n"
        "    return [row for head in chosen for row in line(head[0], head[1])][:limit]\n",
    ),
    _memory(
        5,
        "a reclaimed job goes to the back",
        "store.py",
        "        self.leased.remove(entry)\n\n    def bury",
        "        self.leased.remove(entry)\n        entry.place = self._next_place()\n\n"
        "    def bury",
    ),
    _sqlite(
        5,
        "replay keeps the place",
        "sqlite_sql/replay.sql",
        "SET seq = (SELECT max(seq) FROM {table}) + chosen.nth,\n    state",
        "SET state",
    ),
    _memory(
        5,
        "replay keeps the place",
        "store.py",
        "        self.entries[entry.id] = self.entries.pop(entry.id)\n",
        "",
    ),
    _sqlite(
        5,
        "the latest due become ready first",
        "sqlite_sql/promote.sql",
        "ORDER BY scheduled_at, seq",
        "ORDER BY scheduled_at DESC, seq",
    ),
    _sqlite(
        5,
        "lanes are not looked at",
        "sqlite_sql/next_lane.sql",
        "AND lane > ?",
        "AND lane > ? AND lane = ''",
    ),
    # 6. Whose clock
    _sqlite(
        6,
        "expired means before, not at, the lease's end",
        "sqlite_sql/reclaim.sql",
        "lease_until <= :now",
        "lease_until < :now",
    ),
    _memory(
        6,
        "expired means before, not at, the lease's end",
        "lines.py",
        "if moment is None or moment > now:",
        "if moment is None or moment >= now:",
    ),
    Mutant(
        6,
        "core: a delay is not added to the store's now",
        f"{CORE}/records.py",
        "due = now if self.delay is None else now + self.delay",
        "due = now",
        ON_SQLITE,
    ),
    _sqlite(
        6,
        "extend shortens a lease",
        "sqlite_sql/extend.sql",
        "lease_until = max(lease_until, ?)",
        "lease_until = ?",
    ),
    _memory(
        6,
        "extend shortens a lease",
        "store.py",
        "if entry.lease_until is None or until > entry.lease_until:",
        "if True:",
    ),
    # 7. Payload is opaque text
    _core(7, "NaN is accepted", "json_text.py", "allow_nan=False", "allow_nan=True"),
    Mutant(
        7,
        "core: the job that enqueue returns shares the caller's payload",
        f"{CORE}/payload.py",
        "payload.copy()  #",
        "payload  #",
        ON_ENQUEUED,
    ),
    Mutant(
        7,
        "core: the job that enqueue returns is not as a plugin shows it",
        f"{CORE}/consumer.py",
        "if own is None or job.payload is not draft.payload or job.headers:",
        "if own is None or job.headers:",
        ON_ENQUEUED,
    ),
    Mutant(
        7,
        "core: the job that enqueue returns is not as its text says",
        f"{CORE}/payload.py",
        "if type(key) is not str or type(child) not in _SCALARS:",
        "if type(key) is not str:",
        ON_ENQUEUED,
    ),
    _core(
        7,
        "a payload that cannot be read is run",
        "consumer.py",
        "                corrupt.append(self._burial(stored, error))\n",
        "                pass\n",
    ),
    _sqlite(
        7,
        "payloads are rewritten by the store",
        "sqlite_sql/insert.sql",
        "VALUES (?, ?, ?,",
        "VALUES (?, ?, json(?),",
    ),
    # 8. Enqueue is idempotent by id
    _sqlite(
        8,
        "a taken id is replaced",
        "sqlite_sql/insert_new.sql",
        "DO NOTHING",
        "DO UPDATE SET payload = excluded.payload",
    ),
    _memory(
        8,
        "a taken id is replaced",
        "backend.py",
        "entry = taken or store.add(draft, now)",
        "entry = store.add(draft, now)",
    ),
    _sqlite(
        8,
        "an enqueue commits the caller's transaction",
        "sqlite_connection.py",
        '        cursor.execute("RELEASE gofastr_queue")\n\n\ndef _file_of',
        '        cursor.execute("RELEASE gofastr_queue")\n        cursor.execute("COMMIT")\n\n\n'
        "def _file_of",
    ),
    _sqlite(
        8,
        "a duplicate spoils the caller's transaction",
        "sqlite_connection.py",
        '                cursor.execute("ROLLBACK TO gofastr_queue")\n',
        '                cursor.execute("ROLLBACK")\n',
    ),
    Mutant(
        8,
        "core: observers are told inside a transaction",
        f"{CORE}/queue/producing.py",
        "        if transaction is None:\n            self._observers",
        "        if True:\n            self._observers",
        ON_SQLITE,
    ),
    # 9. Notifications are hints
    _core(
        9,
        "nobody polls",
        "worker/pool.py",
        "                self._ask_at = since + pause",
        "                self._ask_at = since + 3600",
    ),
    _memory(
        9,
        "nobody is woken",
        "store.py",
        "            self.changed.notify_all()\n            return\n",
        "            return\n",
    ),
    # 10. Workers
    _core(
        10,
        "leases are not renewed",
        "worker/keeper.py",
        "kept = {claim.token for claim in self._consumer.extend([h.claim for h in held])}",
        "kept = {one.claim.token for one in held}",
    ),
    _core(
        10,
        "a lost lease is not told",
        "worker/keeper.py",
        "                    one.cancel(LEASE_LOST)\n",
        "",
    ),
    _core(
        10,
        "a timeout is not told",
        "worker/keeper.py",
        "                    one.cancel(TIMED_OUT)\n",
        "                    pass\n",
    ),
    _core(
        10,
        "a store's failure ends the pump",
        "worker/pool.py",
        "self._failed(finished, error)",
        "raise error",
    ),
    _core(
        10,
        "unsettled acks are forgotten when the store fails",
        "worker/pool.py",
        "            self._finished = kept + self._finished\n",
        "",
    ),
    _core(
        10,
        "dropped jobs are not observed",
        "consumer.py",
        "        self.observers.dropped([_users(ack).job for ack in acked])\n",
        "",
    ),
    _core(
        10,
        "a closed gate is not asked before a job starts",
        "worker/running.py",
        "handler is None or not self.gate.admits(job.type):",
        "handler is None:",
    ),
    _core(
        10,
        "a gate that opens during a claim is seen at the next poll",
        "worker/gate.py",
        "bool(self._closed) or self._opened_at >= moment",
        "bool(self._closed)",
    ),
    _core(
        10,
        "lane workers take any lane",
        "worker/engine.py",
        "lanes = None if lane is None else frozenset({lane})",
        "lanes = None",
    ),
    _core(
        10,
        "leave drops",
        "worker/engine.py",
        'self._options.unregistered == "drop" and',
        "True and",
    ),
    _core(
        10,
        "a failing observer stops the others",
        "observing.py",
        '                log.exception("observer failed", extra={"hook": name})\n',
        "                raise\n",
    ),
    _core(
        10,
        "the error of an attempt is not kept",
        "outcomes.py",
        "return Release(claim, Outcome.RETRY, limits.delay(delay), error)",
        "return Release(claim, Outcome.RETRY, delay)",
    ),
    _core(
        10,
        "snooze uses an attempt",
        "outcomes.py",
        "return Release(claim, Outcome.GIVE_BACK, end.delay or timedelta(0))",
        "return Release(claim, Outcome.RETRY, end.delay or timedelta(0))",
    ),
    # 11. Replay
    _sqlite(
        11,
        "pending jobs are replayed",
        "sqlite_sql/replay.sql",
        "WHERE state = 'failed' AND",
        "WHERE state <> 'claimed' AND",
    ),
    _memory(11, "replay keeps the attempts", "store.py", "        entry.attempts = 0\n", ""),
    _sqlite(11, "replay keeps the attempts", "sqlite_sql/replay.sql", "attempts = 0, ", ""),
    _sqlite(
        11,
        "replay forgets the errors",
        "sqlite_sql/replay.sql",
        "attempts = 0, ",
        "attempts = 0, errors = '[]', ",
    ),
    # 12. Memory's dead letters are bounded
    _memory(
        12,
        "dead letters are not bounded",
        "store.py",
        "while len(self.dead) > self.dead_letter_cap:",
        "while False:",
    ),
    _memory(
        12,
        "the newest dead letter is evicted",
        "store.py",
        "oldest = next(iter(self.dead.values()))",
        "oldest = next(reversed(self.dead.values()))",
    ),
    *FAULTS,
    *CRASHES,
    *POSTGRES,
    *PROCESSES,
    *REDIS_MUTANTS,
    *SCHEDULES,
]
