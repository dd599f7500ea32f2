-- Of the wanted jobs, the best that nobody else has locked.
SELECT free.seq
FROM (SELECT seq FROM wanted ORDER BY priority DESC, seq) AS candidate
CROSS JOIN LATERAL (
    SELECT seq FROM {table}
    WHERE seq = candidate.seq AND state = 'ready'
    FOR UPDATE SKIP LOCKED
) AS free
LIMIT %(limit)s
