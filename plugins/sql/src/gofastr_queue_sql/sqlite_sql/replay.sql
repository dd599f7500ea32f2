-- Make failed jobs ready again at the back, in their order; only the winner sees them failed.
WITH chosen AS MATERIALIZED (
    SELECT seq, row_number() OVER (ORDER BY seq) AS nth
    FROM {table}
    WHERE state = 'failed' AND {conditions}
    ORDER BY seq
    LIMIT :limit
)
UPDATE {table}
SET seq = (SELECT max(seq) FROM {table}) + chosen.nth,
    state = 'ready', attempts = 0, scheduled_at = :now
FROM chosen
WHERE {table}.seq = chosen.seq
RETURNING id
