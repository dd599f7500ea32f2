-- Of the wanted jobs, which come best first, the best that nobody else has locked; no more of them are
-- looked for than it takes.  The state is asked for so that no index of ready jobs fits: for a plan
-- made while there were none, they are as good as the one by place.
SELECT free.seq
FROM wanted AS candidate
CROSS JOIN LATERAL (
    SELECT seq FROM {table}
    WHERE seq = candidate.seq AND state || '' = 'ready'
    FOR UPDATE SKIP LOCKED
) AS free
LIMIT %(limit)s
