-- Write what became of a schedule whose row was read in this transaction.
UPDATE {table}_schedules
SET definition = :definition, version = :version, watermark = :watermark, next_due = :next_due,
    paused = :paused
WHERE id = :id
