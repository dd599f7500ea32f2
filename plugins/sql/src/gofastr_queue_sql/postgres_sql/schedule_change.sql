-- Write what became of a schedule that this transaction has locked.
UPDATE {table}_schedules
SET definition = %(definition)s, version = %(version)s, watermark = %(watermark)s,
    next_due = %(next_due)s, paused = %(paused)s
WHERE id = %(id)s
