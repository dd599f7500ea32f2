-- Store one job; seq, the order of enqueueing, is one above every present job's.
INSERT INTO {table} (
    id, type, payload, lane, priority, max_attempts, attempts, state,
    created_at, scheduled_at, headers, errors
) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
