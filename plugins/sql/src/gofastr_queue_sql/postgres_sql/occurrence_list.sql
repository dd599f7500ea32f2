-- The newest occurrences of these schedules.
SELECT asked.schedule, newest.at, newest.fate
FROM unnest(%(ids)s::text[]) AS asked (schedule)
CROSS JOIN LATERAL (
    SELECT at, fate FROM {table}_occurrences
    WHERE schedule = asked.schedule
    ORDER BY at DESC
    LIMIT %(limit)s
) AS newest
ORDER BY asked.schedule, newest.at DESC
