-- Register a schedule unless its id is taken.
INSERT INTO {table}_schedules (
    id, definition, version, registered_at, watermark, next_due, paused, last_job
) VALUES (
    %(id)s, %(definition)s, %(version)s, %(registered_at)s, %(watermark)s, %(next_due)s,
    %(paused)s, %(last_job)s
)
ON CONFLICT (id) DO NOTHING
