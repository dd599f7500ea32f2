-- Lock what a turn settles in the order of ids, so that two turns never wait for each other.
SELECT FROM {table} AS job
WHERE job.id = ANY(%(ids)s) AND job.token = ANY(%(tokens)s)
ORDER BY job.id
FOR UPDATE
