-- Forget all but the newest occurrences of a schedule.
DELETE FROM {table}_occurrences
WHERE schedule = %(schedule)s AND at <= (
    SELECT at FROM {table}_occurrences
    WHERE schedule = %(schedule)s
    ORDER BY at DESC
    LIMIT 1 OFFSET %(kept)s
)
