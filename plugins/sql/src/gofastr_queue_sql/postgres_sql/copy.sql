-- Store many jobs, whose places were given out before.
COPY {table} (
    seq, id, type, payload, lane, priority, max_attempts, attempts, state,
    created_at, scheduled_at, headers, errors
) FROM STDIN
