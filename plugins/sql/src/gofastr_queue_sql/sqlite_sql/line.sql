-- The ready jobs of one lane and type, best first.
SELECT {columns} FROM {table} INDEXED BY {table}_ready
WHERE state = 'ready' AND lane = ? AND type = ?
ORDER BY priority DESC, seq
LIMIT ?
