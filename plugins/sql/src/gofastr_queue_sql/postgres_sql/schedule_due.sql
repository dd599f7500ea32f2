-- The schedules that are looked at soonest, whether or not they are due yet.
SELECT {schedule} FROM {table}_schedules
WHERE next_due IS NOT NULL
ORDER BY next_due, id
LIMIT %(limit)s
