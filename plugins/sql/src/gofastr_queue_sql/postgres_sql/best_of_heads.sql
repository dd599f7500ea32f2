-- The best ready jobs of lines whose heads are known.  Only lines with the best heads can hold them;
-- of those, more is looked at than is asked for, as others may be leasing just now.  A line's rest
-- matters only where all that was seen of it is among the best.
line AS MATERIALIZED (
    SELECT lane, type FROM heads ORDER BY priority DESC, seq LIMIT %(limit)s
),
share AS MATERIALIZED (SELECT %(looked_at)s / greatest(count(*), 1) AS jobs FROM line),
top AS MATERIALIZED (
    SELECT line.lane, line.type, job.priority, job.seq
    FROM line
    CROSS JOIN LATERAL (
        SELECT priority, seq FROM {table}
        WHERE state = 'ready' AND lane = line.lane AND type = line.type
        ORDER BY priority DESC, seq
        LIMIT (SELECT jobs FROM share)
    ) AS job
    ORDER BY job.priority DESC, job.seq
),
long AS MATERIALIZED (
    SELECT lane, type FROM (SELECT lane, type FROM top LIMIT %(limit)s) AS best_of_top
    GROUP BY lane, type
    HAVING count(*) = (SELECT jobs FROM share)
),
seen AS MATERIALIZED (
    SELECT priority, seq FROM top
    UNION ALL
    SELECT job.priority, job.seq
    FROM long
    CROSS JOIN LATERAL (
        SELECT priority, seq FROM {table}
        WHERE state = 'ready' AND lane = long.lane AND type = long.type
        ORDER BY priority DESC, seq
        OFFSET (SELECT jobs FROM share)
        LIMIT greatest(%(limit)s - (SELECT jobs FROM share), 0)
    ) AS job
    ORDER BY priority DESC, seq
    LIMIT %(looked_at)s
),
wanted AS (SELECT priority, seq FROM seen),
best AS MATERIALIZED ({free})
