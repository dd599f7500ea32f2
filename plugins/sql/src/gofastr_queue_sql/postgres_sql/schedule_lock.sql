-- These schedules, locked in the order of ids, so that nobody waits for each other.
SELECT {schedule} FROM {table}_schedules WHERE id = ANY(%(ids)s) ORDER BY id FOR UPDATE
