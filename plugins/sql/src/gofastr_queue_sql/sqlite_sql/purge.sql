-- Remove jobs that nobody has claimed, earliest enqueued first.
DELETE FROM {table}
WHERE seq IN (
    SELECT seq FROM {table}
    WHERE state <> 'claimed' AND {conditions}
    ORDER BY seq
    LIMIT :limit
)
