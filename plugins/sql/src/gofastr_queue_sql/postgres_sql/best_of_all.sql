-- The best ready jobs of every lane and type.  seq > 0 holds for every job: it is the condition of
-- the index in this order, which no plan for another statement may then take for its own.
seen AS (SELECT WHERE false),
wanted AS (SELECT WHERE false),
best AS MATERIALIZED (
    SELECT seq FROM {table}
    WHERE state = 'ready' AND seq > 0
    ORDER BY priority DESC, seq
    LIMIT %(limit)s
    FOR UPDATE SKIP LOCKED
)
