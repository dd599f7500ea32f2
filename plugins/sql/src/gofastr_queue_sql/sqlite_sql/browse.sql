-- Read jobs, latest enqueued or replayed first.
SELECT {columns} FROM {table}
WHERE {conditions}
ORDER BY seq DESC
LIMIT :limit
