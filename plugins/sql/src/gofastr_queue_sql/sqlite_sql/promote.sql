-- Make ready what fell due, oldest due first, a bounded number at a time.
UPDATE {table} SET state = 'ready'
WHERE seq IN (
    SELECT seq FROM {table} INDEXED BY {table}_later
    WHERE state = 'later' AND scheduled_at <= :now
    ORDER BY scheduled_at, seq
    LIMIT :limit
)
