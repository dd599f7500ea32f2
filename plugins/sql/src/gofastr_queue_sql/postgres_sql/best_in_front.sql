-- The best ready jobs of some lanes and types among the first of all: quick where most is wanted.
-- What others have locked is left out while locking, so nothing is locked but what is leased.
seen AS MATERIALIZED (
    SELECT priority, seq, lane, type FROM {table}
    WHERE state = 'ready' AND seq > 0
    ORDER BY priority DESC, seq
    LIMIT %(looked_at)s
),
wanted AS MATERIALIZED (
    SELECT priority, seq FROM seen
    WHERE (%(types)s::text[] IS NULL OR type = ANY(%(types)s))
        AND (%(lanes)s::text[] IS NULL OR lane = ANY(%(lanes)s))
        AND type <> ALL(%(not_types)s::text[])
        AND lane <> ALL(%(not_lanes)s::text[])
),
best AS MATERIALIZED ({free})
