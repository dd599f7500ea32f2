-- When does the next job fall due?
SELECT scheduled_at FROM {table} WHERE state = 'later' ORDER BY scheduled_at, seq LIMIT 1
