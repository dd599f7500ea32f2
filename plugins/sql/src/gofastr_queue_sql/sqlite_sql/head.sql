-- The best ready job of one lane and type.
SELECT lane, type, priority, seq FROM {table} INDEXED BY {table}_ready
WHERE state = 'ready' AND lane = ? AND type = ?
ORDER BY priority DESC, seq
LIMIT 1
