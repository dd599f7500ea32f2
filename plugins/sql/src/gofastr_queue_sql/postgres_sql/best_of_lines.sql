-- The best ready jobs of some lanes and types, wherever they are.  Only lines with the best heads
-- can hold them; of those, more is looked at than is asked for, as others may be leasing just now.
{heads},
line AS MATERIALIZED (
    SELECT lane, type FROM heads ORDER BY priority DESC, seq LIMIT %(limit)s
),
seen AS MATERIALIZED (
    SELECT job.priority, job.seq
    FROM line
    CROSS JOIN LATERAL (
        SELECT priority, seq FROM {table}
        WHERE state = 'ready' AND lane = line.lane AND type = line.type
        ORDER BY priority DESC, seq
        LIMIT greatest(%(limit)s, %(looked_at)s / (SELECT count(*) FROM line))
    ) AS job
    ORDER BY job.priority DESC, job.seq
    LIMIT %(looked_at)s
),
wanted AS (SELECT priority, seq FROM seen),
best AS MATERIALIZED ({free})
