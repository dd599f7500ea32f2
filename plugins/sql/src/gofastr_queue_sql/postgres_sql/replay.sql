-- Make failed jobs ready again at the back, in their order; only the winner sees them failed.
-- Locked by id, which never changes, and in the order of ids, as everything is that waits for locks;
-- the state is asked for so that the index of failed jobs does not fit, as in free.sql.
WITH chosen AS MATERIALIZED (
    SELECT id FROM {table} AS job
    WHERE {conditions}
    ORDER BY seq
    LIMIT %(limit)s
),
locked AS MATERIALIZED (
    SELECT job.id, job.seq
    FROM (SELECT id FROM chosen ORDER BY id) AS ordered
    CROSS JOIN LATERAL (
        SELECT id, seq FROM {table} WHERE id = ordered.id AND state || '' = 'failed' FOR UPDATE
    ) AS job
),
replayed AS MATERIALIZED (
    SELECT id, nextval('{table}_seq') AS seq FROM (SELECT id FROM locked ORDER BY seq) AS ordered
)
UPDATE {table} AS job
SET seq = replayed.seq, state = 'ready', attempts = 0, scheduled_at = {now}
FROM replayed
WHERE job.id = replayed.id
RETURNING job.id, pg_notify('{channel}', '')
