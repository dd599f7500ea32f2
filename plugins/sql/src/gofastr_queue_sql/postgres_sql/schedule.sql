-- The columns of a schedule, in the order in which they are read.
id, definition, version, registered_at, watermark, next_due, paused, last_job
