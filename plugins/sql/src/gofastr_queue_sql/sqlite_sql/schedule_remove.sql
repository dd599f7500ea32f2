-- Forget a schedule.
DELETE FROM {table}_schedules WHERE id = :id
