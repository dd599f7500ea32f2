-- Remove jobs that nobody has claimed, earliest enqueued first; locked as replay does.
WITH chosen AS MATERIALIZED (
    SELECT id FROM {table} AS job
    WHERE state <> 'claimed' AND {conditions}
    ORDER BY seq
    LIMIT %(limit)s
),
locked AS MATERIALIZED (
    SELECT job.id
    FROM (SELECT id FROM chosen ORDER BY id) AS ordered
    CROSS JOIN LATERAL (
        SELECT id FROM {table} WHERE id = ordered.id AND state <> 'claimed' FOR UPDATE
    ) AS job
)
DELETE FROM {table} AS job USING locked WHERE job.id = locked.id
