-- The first lane with a ready job after this one.
SELECT lane FROM {table} INDEXED BY {table}_ready
WHERE state = 'ready' AND lane > ?
ORDER BY lane
LIMIT 1
