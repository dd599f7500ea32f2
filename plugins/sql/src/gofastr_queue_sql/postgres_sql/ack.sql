-- Remove jobs whose claims are current; only a claimed job has a token, and no token equals NULL.
DELETE FROM {table} AS job
USING unnest(%(ids)s::text[], %(tokens)s::text[]) AS ack (id, token)
WHERE job.id = ack.id AND job.token = ack.token
RETURNING job.id, job.token
