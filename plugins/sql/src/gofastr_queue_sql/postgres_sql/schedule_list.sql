-- Return these schedules, or all, by id.
SELECT {schedule} FROM {table}_schedules
WHERE %(ids)s::text[] IS NULL OR id = ANY(%(ids)s)
ORDER BY id
