-- Take back jobs whose lease has run out, soonest expired first: to their old place, or failed.
WITH expired AS MATERIALIZED (
    SELECT seq FROM {table}
    WHERE state = 'claimed' AND lease_until <= {now}
    ORDER BY lease_until, seq
    LIMIT %(limit)s
    FOR UPDATE SKIP LOCKED
),
release AS MATERIALIZED (SELECT seq, %(reason)s::text AS error FROM expired)
UPDATE {table} AS job
SET state = CASE WHEN job.attempts < job.max_attempts THEN 'ready' ELSE 'failed' END,
    errors = {errors},
    token = NULL,
    worker = '',
    lease_until = NULL
FROM release
WHERE job.seq = release.seq
RETURNING {columns}, CASE WHEN job.state = 'ready' THEN pg_notify('{channel}', '') END
