-- The best ready job of the first (lane, type) in a later lane.
SELECT lane, type, priority, seq FROM {table} INDEXED BY {table}_ready
WHERE state = 'ready' AND lane > ?
ORDER BY lane, type, priority DESC, seq
LIMIT 1
