-- The jobs of these ids.
SELECT {columns} FROM {table} AS job WHERE job.id = ANY(%(ids)s)
