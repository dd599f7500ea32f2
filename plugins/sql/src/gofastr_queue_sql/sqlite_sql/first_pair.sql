-- The best ready job of the first (lane, type) from this one on.
SELECT lane, type, priority, seq FROM {table} INDEXED BY {table}_ready
WHERE state = 'ready' AND (lane, type) >= (?, ?)
ORDER BY lane, type, priority DESC, seq
LIMIT 1
