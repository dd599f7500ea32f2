-- Store one job unless its id is taken; the waiting are told when the transaction commits.
INSERT INTO {table} (
    id, type, payload, lane, priority, max_attempts, attempts,
    state,
    created_at,
    scheduled_at,
    headers, errors
) VALUES (
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
ON CONFLICT (id) DO NOTHING
RETURNING
    created_at, scheduled_at, CASE WHEN state <> 'failed' THEN pg_notify('{channel}', '') END
