-- Return these schedules, or all, by id.
SELECT {schedule} FROM {table}_schedules
WHERE :ids IS NULL OR id IN (SELECT value FROM json_each(:ids))
ORDER BY id
