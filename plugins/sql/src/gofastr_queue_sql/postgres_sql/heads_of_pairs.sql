-- The best ready job of each wanted lane and given type, if it is not below the bound.
{wanted_lanes},
pair AS MATERIALIZED (
    SELECT wanted_lane.lane, given.type
    FROM wanted_lane CROSS JOIN unnest(%(types)s::text[]) AS given (type)
    WHERE given.type <> ALL(%(not_types)s::text[])
),
heads AS (
    SELECT pair.lane, pair.type, head.priority, head.seq
    FROM pair
    CROSS JOIN LATERAL (
        SELECT priority, seq FROM {table}
        WHERE
            state = 'ready' AND lane = pair.lane AND type = pair.type
            AND priority >= (SELECT priority FROM bound)
        ORDER BY priority DESC, seq
        LIMIT 1
    ) AS head
)
