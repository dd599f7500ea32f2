-- The best ready job of the first type in a lane, from this one on.
SELECT lane, type, priority, seq FROM {table} INDEXED BY {table}_ready
WHERE state = 'ready' AND lane = ? AND type >= ?
ORDER BY type, priority DESC, seq
LIMIT 1
