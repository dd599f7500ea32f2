-- Return one schedule.
SELECT {schedule} FROM {table}_schedules WHERE id = :id
