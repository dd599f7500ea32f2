-- End current claims; an error is stamped with the attempt it belongs to.
UPDATE {table} AS job
SET state = release.state,
    attempts = job.attempts - release.uncounted,
    scheduled_at = coalesce({now} + release.delay, job.scheduled_at),
    errors = CASE WHEN release.error = '' THEN job.errors ELSE {errors} END,
    token = NULL,
    worker = '',
    lease_until = NULL
FROM unnest(
    %(ids)s::text[], %(tokens)s::text[], %(states)s::text[],
    %(uncounted)s::int[], %(delays)s::bigint[], %(errors)s::text[]
) AS release (id, token, state, uncounted, delay, error)
WHERE job.id = release.id AND job.token = release.token
RETURNING
    job.id, release.token,
    CASE WHEN release.state <> 'failed' THEN pg_notify('{channel}', '') END
