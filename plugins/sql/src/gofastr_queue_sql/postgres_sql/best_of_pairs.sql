-- The best ready jobs of given types.  A probe for one job reads a page of its line, unless a bound
-- says how little of that is any good.  So many pairs are sounded first: what some of them hold is
-- the least that the best are like.
{heads_of_pairs},
sounded AS MATERIALIZED (
    SELECT job.priority
    FROM pair
    CROSS JOIN LATERAL (
        SELECT priority FROM {table}
        WHERE state = 'ready' AND lane = pair.lane AND type = pair.type
        ORDER BY priority DESC, seq
        LIMIT %(looked_at)s / %(limit)s
    ) AS job
    WHERE (SELECT count(*) FROM pair) > 4 * %(limit)s
    LIMIT %(looked_at)s
),
bound AS MATERIALIZED (
    SELECT CASE count(*) WHEN %(looked_at)s THEN min(priority) ELSE -2147483648 END AS priority
    FROM sounded
),
{best_of_heads}
