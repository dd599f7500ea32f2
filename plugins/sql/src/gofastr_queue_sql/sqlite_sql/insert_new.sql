-- Store one job unless its id is taken.
INSERT INTO {table} (
    id, type, payload, lane, priority, max_attempts, attempts, state,
    created_at, scheduled_at, headers, errors
) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (id) DO NOTHING
