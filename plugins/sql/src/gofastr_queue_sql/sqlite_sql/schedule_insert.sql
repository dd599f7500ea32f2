-- Register a schedule unless its id is taken.
INSERT INTO {table}_schedules (
    id, definition, version, registered_at, watermark, next_due, paused, last_job
) VALUES (:id, :definition, :version, :registered_at, :watermark, :next_due, :paused, :last_job)
ON CONFLICT (id) DO NOTHING
