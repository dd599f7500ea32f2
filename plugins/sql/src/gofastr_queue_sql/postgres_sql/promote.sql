-- Make ready what fell due, oldest due first, a bounded number at a time.
WITH due AS MATERIALIZED (
    SELECT seq FROM {table}
    WHERE state = 'later' AND scheduled_at <= {now}
    ORDER BY scheduled_at, seq
    LIMIT %(limit)s
    FOR UPDATE SKIP LOCKED
)
UPDATE {table} AS job SET state = 'ready' FROM due WHERE job.seq = due.seq
