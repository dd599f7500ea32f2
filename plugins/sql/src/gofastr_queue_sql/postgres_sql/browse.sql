-- Read jobs, latest enqueued or replayed first.
SELECT {columns} FROM {table} AS job
WHERE {conditions}
ORDER BY seq DESC
LIMIT %(limit)s
