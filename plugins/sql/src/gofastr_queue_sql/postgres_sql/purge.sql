-- Remove jobs that nobody has claimed, earliest enqueued first; locked as replay does.
WITH chosen AS MATERIALIZED (
    SELECT id FROM {table} AS job
    WHERE state <> 'claimed' AND {conditions}
    ORDER BY seq
    LIMIT %(limit)s
),
locked AS MATERIALIZED (
    SELECT id FROM {table}
    WHERE id IN (SELECT id FROM chosen) AND state <> 'claimed'
    ORDER BY id
    FOR UPDATE
)
DELETE FROM {table} AS job USING locked WHERE job.id = locked.id
