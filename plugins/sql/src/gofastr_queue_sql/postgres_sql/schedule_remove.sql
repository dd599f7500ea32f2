-- Forget schedules.
DELETE FROM {table}_schedules WHERE id = ANY(%(ids)s) RETURNING id
