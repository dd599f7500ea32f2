"""PostgreSQL's mutants: what its statements promise, broken one at a time."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

SQL = "plugins/sql/src/gofastr_queue_sql"
TESTS = "plugins/sql/tests"

QUICK = " ".join(
    (
        "tests/agreement/test_difference.py",
        *(f"{TESTS}/test_postgres_{name}.py" for name in ("wants", "damage", "conformance")),
    )
)
ON_POSTGRES = f"{QUICK} -k 'postgres and not contend'"
ON_PLANS = f"{TESTS}/test_postgres_plans.py {TESTS}/test_postgres_indexes.py"
ON_LINES = f"{TESTS}/test_postgres_lines.py"
ON_CONTENTION = f"{TESTS}/test_postgres_contention.py"
ON_TRANSACTIONS = f"{TESTS}/test_postgres_transactions.py"
ON_BULK = f"{TESTS}/test_postgres_bulk.py"
ON_LOSERS = f"{TESTS}/test_postgres_losers.py"
ON_LISTENING = f"{TESTS}/test_postgres_listen.py {TESTS}/test_postgres_conformance.py"


def _statement(promise: int, breaks: str, name: str, old: str, new: str) -> Mutant:
    return Mutant(
        promise, f"postgres: {breaks}", f"{SQL}/postgres_sql/{name}.sql", old, new, ON_POSTGRES
    )


def _module(
    promise: int, breaks: str, name: str, old: str, new: str, tests: str = ON_POSTGRES
) -> Mutant:
    return Mutant(promise, f"postgres: {breaks}", f"{SQL}/{name}.py", old, new, tests)


POSTGRES = [
    # 1. No job is lost or doubled
    _module(
        1,
        "a bulk with a duplicate stores the others",
        "postgres",
        "            with whole(connection):\n                return self._moves.put",
        "            if connection:\n                return self._moves.put",
    ),
    _statement(
        1,
        "purge takes claimed jobs",
        "purge",
        "WHERE state <> 'claimed' AND {conditions}\n"
        "    ORDER BY seq\n"
        "    LIMIT %(limit)s\n"
        "),\n"
        "locked AS MATERIALIZED (\n"
        "    SELECT job.id\n"
        "    FROM (SELECT id FROM chosen ORDER BY id) AS ordered\n"
        "    CROSS JOIN LATERAL (\n"
        "        SELECT id FROM {table} WHERE id = ordered.id AND state <> 'claimed'",
        "WHERE {conditions}\n"
        "    ORDER BY seq\n"
        "    LIMIT %(limit)s\n"
        "),\n"
        "locked AS MATERIALIZED (\n"
        "    SELECT job.id\n"
        "    FROM (SELECT id FROM chosen ORDER BY id) AS ordered\n"
        "    CROSS JOIN LATERAL (\n"
        "        SELECT id FROM {table} WHERE id = ordered.id",
    ),
    Mutant(
        1,
        "postgres: purge takes what was claimed meanwhile",
        f"{SQL}/postgres_sql/purge.sql",
        "WHERE id = ordered.id AND state <> 'claimed'",
        "WHERE id = ordered.id",
        ON_LOSERS,
    ),
    _statement(
        1,
        "counts forget what is not due",
        "counts_of_indexes",
        "WHERE state = 'later' GROUP BY",
        "WHERE state = 'later' AND false GROUP BY",
    ),
    _statement(
        1,
        "a claim takes all that it looked at",
        "free",
        ") AS free\nLIMIT %(limit)s",
        ") AS free",
    ),
    # 2. A token fences every claim
    _statement(2, "ack without the token", "ack", "job.token = ack.token", "ack.token <> ''"),
    _statement(
        2, "nack without the token", "nack", "job.token = release.token", "release.token <> ''"
    ),
    _statement(
        2, "extend without the token", "extend", "job.token = claim.token", "claim.token <> ''"
    ),
    _statement(
        2,
        "one token for a whole batch",
        "claim",
        "16 * chosen.nth::int - 15",
        "chosen.nth::int * 0 + 1",
    ),
    _statement(2, "a nacked claim keeps its token", "nack", "    token = NULL,\n", ""),
    _statement(2, "a reclaimed claim keeps its token", "reclaim", "    token = NULL,\n", ""),
    # 3. Attempts
    _statement(
        3,
        "attempts do not rise at the claim",
        "claim",
        "        attempts = attempts + 1,\n",
        "",
    ),
    _module(3, "a release counts", "postgres_moves", "uncounted = 1 if", "uncounted = 0 if"),
    _statement(
        3,
        "an expired last attempt is tried again",
        "reclaim",
        "job.attempts < job.max_attempts",
        "job.attempts <= job.max_attempts",
    ),
    _statement(3, "an expiry keeps no reason", "reclaim", "    errors = {errors},\n", ""),
    _statement(
        3,
        "errors are kept without end",
        "errors",
        "WHEN jsonb_array_length(job.errors) < %(kept)s THEN",
        "WHEN jsonb_array_length(job.errors) < %(kept)s * 9 THEN",
    ),
    _statement(
        3,
        "an error cannot follow what is no list",
        "errors",
        "    WHEN jsonb_typeof(job.errors) <> 'array' THEN '[]'\n",
        "",
    ),
    # 4. Never early
    _statement(4, "what is scheduled is ready at once", "insert", "ELSE 'later'", "ELSE 'ready'"),
    _statement(4, "what is not due becomes ready", "promote", "scheduled_at <= {now}", "{now} > 0"),
    _module(
        4,
        "the backoff is forgotten",
        "postgres_moves",
        "waits = not buried and release.delay > AT_ONCE",
        "waits = False",
    ),
    # 5. Order
    _statement(
        5,
        "claims of all look at places only",
        "best_of_all",
        "ORDER BY priority DESC, seq",
        "ORDER BY seq",
    ),
    _statement(
        5,
        "the lines that are looked at are any",
        "best_of_heads",
        "FROM heads ORDER BY priority DESC, seq LIMIT",
        "FROM heads LIMIT",
    ),
    Mutant(
        5,
        "postgres: a line gives no more than its share",
        f"{SQL}/postgres_sql/best_of_heads.sql",
        "HAVING count(*) =",
        "HAVING count(*) >",
        ON_LINES,
    ),
    Mutant(
        5,
        "postgres: the bound is the best of what was sounded",
        f"{SQL}/postgres_sql/best_of_pairs.sql",
        "THEN min(priority)",
        "THEN max(priority)",
        ON_LINES,
    ),
    _module(
        5,
        "a claim ends where the front does",
        "postgres",
        "if best == IN_FRONT and found.more and",
        "if best == '' and found.more and",
    ),
    _statement(
        5,
        "what others hold is forgotten",
        "claim",
        "(SELECT count(*) FROM wanted) > (SELECT count(*) FROM best)",
        "false",
    ),
    _statement(
        5,
        "claims of all wait for each other",
        "best_of_all",
        "FOR UPDATE SKIP LOCKED",
        "FOR UPDATE",
    ),
    _statement(
        5, "other claims wait for each other", "free", "FOR UPDATE SKIP LOCKED", "FOR UPDATE"
    ),
    _statement(5, "all that is due becomes ready at once", "promote", "    LIMIT %(limit)s\n", ""),
    _statement(
        5,
        "the latest due become ready first",
        "promote",
        "ORDER BY scheduled_at, seq",
        "ORDER BY scheduled_at DESC, seq",
    ),
    _statement(5, "replay keeps the place", "replay", "SET seq = replayed.seq, state", "SET state"),
    Mutant(
        5,
        "postgres: a bulk is placed in the order of its ids",
        f"{SQL}/postgres_bulk.py",
        "line_of(places[number], job",
        "line_of(places[len(puts) - 1], job",
        ON_BULK,
    ),
    # 6. Whose clock
    _statement(
        6,
        "expired means before, not at, the lease's end",
        "reclaim",
        "lease_until <= {now}",
        "lease_until < {now}",
    ),
    _statement(
        6,
        "extend shortens a lease",
        "extend",
        "greatest(job.lease_until, {now} + %(lease)s)",
        "{now} + %(lease)s",
    ),
    # 7. What is stored comes back
    Mutant(
        7,
        "postgres: a backslash in a bulk is read by COPY",
        f"{SQL}/postgres_bulk.py",
        'text.replace("\\\\", r"\\\\").replace',
        "text.replace",
        ON_BULK,
    ),
    # 8. Enqueue is idempotent by id
    _statement(
        8,
        "a taken id is replaced",
        "insert_new",
        "DO UPDATE SET id = excluded.id WHERE false",
        "DO UPDATE SET payload = excluded.payload",
    ),
    _module(
        8,
        "a duplicate spoils the caller's transaction",
        "postgres_transaction",
        '"ROLLBACK TO SAVEPOINT gofastr_queue"',
        '"ROLLBACK"',
        ON_TRANSACTIONS,
    ),
    # 9. Notifications are hints
    _statement(
        9,
        "nobody is told of a new job",
        "insert_new",
        "pg_notify('{channel}', lane || E'\\n' || type)",
        "NULL",
    ),
    _statement(
        9,
        "nobody is told of a new delayed job",
        "insert",
        "CASE WHEN state <> 'failed' THEN pg_notify('{channel}', '') END",
        "NULL",
    ),
    _statement(
        9,
        "nobody is told of many new jobs",
        "notify",
        "pg_notify('{channel}', '')",
        "NULL",
    ),
    _statement(
        9,
        "nobody is told of a nacked job",
        "nack",
        "CASE WHEN release.state <> 'failed' THEN pg_notify('{channel}', '') END",
        "NULL",
    ),
    _statement(
        9,
        "nobody is told of a replayed job",
        "replay",
        "pg_notify('{channel}', '')",
        "NULL",
    ),
    _module(
        9,
        "a new listener does not ask what came meanwhile",
        "postgres_listener",
        '        self._hear("")  # something may have come while nobody listened\n',
        "",
        ON_LISTENING,
    ),
    # 10. Workers, and what they wait for
    _module(
        10,
        "claims are planned by old statistics",
        "postgres_moves",
        "            execute_often(connection, settings, {})\n",
        "",
        ON_PLANS,
    ),
    _module(
        10,
        "a deadlock comes out",
        "postgres_connection",
        "if not isinstance(error.__cause__, CONFLICT) or not left:",
        "if left >= 0:",
        ON_CONTENTION,
    ),
    _module(
        10,
        "jobs are settled in any order",
        "postgres_moves",
        "asked = sorted({pair for",
        "asked = list({pair for",
        ON_CONTENTION,
    ),
    _module(
        10,
        "jobs are stored in any order",
        "postgres_moves",
        "ordered = sorted(numbers, key=lambda number: drafts[number].id)",
        "ordered = list(numbers)",
        ON_CONTENTION,
    ),
    Mutant(
        10,
        "postgres: failed jobs are looked up by old statistics",
        f"{SQL}/postgres_query.py",
        "STATE if query.ids is None else UNINDEXED",
        "STATE",
        ON_PLANS,
    ),
    # 11. Replay
    _statement(
        11,
        "pending jobs are replayed",
        "replay",
        "WHERE {conditions}\n"
        "    ORDER BY seq\n"
        "    LIMIT %(limit)s\n"
        "),\n"
        "locked AS MATERIALIZED (\n"
        "    SELECT job.id, job.seq\n"
        "    FROM (SELECT id FROM chosen ORDER BY id) AS ordered\n"
        "    CROSS JOIN LATERAL (\n"
        "        SELECT id, seq FROM {table} WHERE id = ordered.id AND state || '' = 'failed'",
        "WHERE {conditions} OR state = 'ready'\n"
        "    ORDER BY seq\n"
        "    LIMIT %(limit)s\n"
        "),\n"
        "locked AS MATERIALIZED (\n"
        "    SELECT job.id, job.seq\n"
        "    FROM (SELECT id FROM chosen ORDER BY id) AS ordered\n"
        "    CROSS JOIN LATERAL (\n"
        "        SELECT id, seq FROM {table} WHERE id = ordered.id AND state <> 'claimed'",
    ),
    Mutant(
        11,
        "postgres: two replays win",
        f"{SQL}/postgres_sql/replay.sql",
        "WHERE id = ordered.id AND state || '' = 'failed'",
        "WHERE id = ordered.id",
        ON_LOSERS,
    ),
    _statement(11, "replay keeps the attempts", "replay", " attempts = 0,", ""),
    _statement(
        11, "replay forgets the errors", "replay", " attempts = 0,", " attempts = 0, errors = '[]',"
    ),
]
