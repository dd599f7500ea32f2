-- Store many jobs, whose places were given out before.
COPY {table} (
    seq, priority, max_attempts, attempts, state, created_at, scheduled_at,
    id, type, lane, payload, headers, errors
) FROM STDIN
