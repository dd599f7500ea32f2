-- Lease jobs that were found best; each token takes 16 random bytes of the caller's.  A row comes
-- back also when there is no job: with the time, what falls due next, whether more was in sight than
-- was looked at, and whether others hold some of what is wanted; the last two only where fewer jobs
-- were found than asked for, because to know them all that is looked at must be counted.
-- Materialized, because a plan may otherwise run a LIMIT more than once.
WITH RECURSIVE {best},
chosen AS MATERIALIZED (SELECT seq, row_number() OVER () AS nth FROM best),
claimed AS (
    UPDATE {table} AS job
    SET state = 'claimed',
        attempts = attempts + 1,
        token = encode(substr(%(tokens)s::bytea, 16 * chosen.nth::int - 15, 16), 'hex'),
        worker = %(worker)s,
        lease_until = {now} + %(lease)s
    FROM chosen
    WHERE job.seq = chosen.seq
    RETURNING {columns}, job.token
)
SELECT
    {now},
    ({soonest}),
    CASE
        WHEN (SELECT count(*) FROM best) < %(limit)s
        THEN (SELECT count(*) FROM seen) >= %(looked_at)s
    END,
    CASE
        WHEN (SELECT count(*) FROM best) < %(limit)s
        THEN (SELECT count(*) FROM wanted) > (SELECT count(*) FROM best)
    END,
    claimed.*
FROM (VALUES (0)) AS always LEFT JOIN claimed ON true
