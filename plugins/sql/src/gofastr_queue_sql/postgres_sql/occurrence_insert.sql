-- Keep what became of ticks.
INSERT INTO {table}_occurrences (schedule, at, fate)
SELECT %(schedule)s, tick.at, tick.fate
FROM unnest(%(moments)s::bigint[], %(fates)s::text[]) AS tick (at, fate)
ON CONFLICT (schedule, at) DO UPDATE SET fate = excluded.fate
