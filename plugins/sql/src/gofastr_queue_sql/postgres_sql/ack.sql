-- Remove jobs whose claims are current; only a claimed job has a token, and no token equals NULL.
-- Ids and tokens come one to a line: an array is written element by element by the driver.
DELETE FROM {table} AS job
USING unnest(
    string_to_array(%(ids)s, E'\n'), string_to_array(%(tokens)s, E'\n')
) AS ack (id, token)
WHERE job.id = ack.id AND job.token = ack.token
RETURNING job.id, job.token
