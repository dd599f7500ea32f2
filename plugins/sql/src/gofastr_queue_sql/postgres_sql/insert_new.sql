-- Store one job that may start at once and was never claimed, unless its id is taken: what
-- insert.sql does, for what most producers say, with half the parameters.
INSERT INTO {table} (
    seq, id, type, payload, lane, priority, max_attempts, attempts,
    state, created_at, scheduled_at, headers, errors
) VALUES (
    nextval('{table}_seq'),
    %(id)s, %(type)s, %(payload)s, %(lane)s, %(priority)s, %(max_attempts)s, 0,
    'ready', {now}, {now}, %(headers)s, '[]'
)
ON CONFLICT (id) DO UPDATE SET id = excluded.id WHERE false
RETURNING created_at, pg_notify('{channel}', lane || E'\n' || type)
