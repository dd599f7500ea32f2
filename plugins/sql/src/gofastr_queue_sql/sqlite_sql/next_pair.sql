-- The best ready job of the first (lane, type) after this one: one seek, however many jobs wait.
SELECT lane, type, priority, seq FROM {table} INDEXED BY {table}_ready
WHERE state = 'ready' AND (lane, type) > (?, ?)
ORDER BY lane, type, priority DESC, seq
LIMIT 1
