-- Store many jobs; seq is given in the order of the rows.
COPY {table} (
    id, type, payload, lane, priority, max_attempts, attempts, state,
    created_at, scheduled_at, headers, errors
) FROM STDIN
