-- Store one job unless its id is taken; the waiting are told when the transaction commits.
-- An update of nothing locks the job that has the id, so that it stays until it is read.
INSERT INTO {table} (
    seq, id, type, payload, lane, priority, max_attempts, attempts,
    state,
    created_at,
    scheduled_at,
    headers, errors
) VALUES (
    coalesce(%(place)s::bigint, nextval('{table}_seq')),
    %(id)s, %(type)s, %(payload)s, %(lane)s, %(priority)s, %(max_attempts)s, %(attempts)s,
    CASE
        WHEN %(failed)s THEN 'failed'
        WHEN coalesce(%(scheduled_at)s, {now} + %(delay)s::bigint) <= {now} THEN 'ready'
        ELSE 'later'
    END,
    coalesce(%(created_at)s, {now}),
    coalesce(%(scheduled_at)s, {now} + %(delay)s::bigint),
    %(headers)s, %(errors)s
)
ON CONFLICT (id) DO UPDATE SET id = excluded.id WHERE false
RETURNING
    created_at, scheduled_at, CASE WHEN state <> 'failed' THEN pg_notify('{channel}', '') END
