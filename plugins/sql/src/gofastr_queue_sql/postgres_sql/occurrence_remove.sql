-- Forget the occurrences of schedules.
DELETE FROM {table}_occurrences WHERE schedule = ANY(%(ids)s)
