-- Forget the occurrences of a schedule.
DELETE FROM {table}_occurrences WHERE schedule = :id
