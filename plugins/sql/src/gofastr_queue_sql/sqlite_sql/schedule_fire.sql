-- Move a schedule on.
UPDATE {table}_schedules
SET version = version + 1, watermark = :watermark, next_due = :next_due, last_job = :last_job
WHERE id = :id
