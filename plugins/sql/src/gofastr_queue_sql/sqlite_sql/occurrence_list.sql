-- The newest occurrences of a schedule.
SELECT at, fate FROM {table}_occurrences WHERE schedule = :schedule ORDER BY at DESC LIMIT :limit
