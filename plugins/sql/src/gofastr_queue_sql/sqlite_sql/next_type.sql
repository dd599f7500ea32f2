-- The best ready job of the first type in a lane, after this one: one seek, however many jobs wait.
-- Of (lane, type) > (?, ?) SQLite would seek the lane only, and walk the jobs up to the type.
SELECT lane, type, priority, seq FROM {table} INDEXED BY {table}_ready
WHERE state = 'ready' AND lane = ? AND type > ?
ORDER BY type, priority DESC, seq
LIMIT 1
