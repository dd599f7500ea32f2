-- Move a schedule on.
UPDATE {table}_schedules
SET version = version + 1, watermark = %(watermark)s, next_due = %(next_due)s,
    last_job = %(last_job)s
WHERE id = %(id)s
