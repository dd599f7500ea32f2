-- The best ready jobs of one lane and type: a piece of the index by lane and type.
seen AS (SELECT WHERE false),
wanted AS (SELECT WHERE false),
best AS MATERIALIZED (
    SELECT seq FROM {table}
    WHERE state = 'ready' AND lane = %(lane)s AND type = %(type)s
    ORDER BY priority DESC, seq
    LIMIT %(limit)s
    FOR UPDATE SKIP LOCKED
)
