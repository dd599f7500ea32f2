-- Keep what became of a tick.
INSERT INTO {table}_occurrences (schedule, at, fate) VALUES (:schedule, :at, :fate)
ON CONFLICT (schedule, at) DO UPDATE SET fate = excluded.fate
