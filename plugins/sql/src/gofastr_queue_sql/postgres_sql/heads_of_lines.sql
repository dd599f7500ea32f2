-- The best ready job of each lane and type, where types are not given: a walk over the types of each
-- wanted lane, one seek a step, as the first of a type is its best.
{wanted_lanes},
type_walk (lane, type, priority, seq) AS (
    SELECT wanted_lane.lane, head.type, head.priority, head.seq
    FROM wanted_lane
    CROSS JOIN LATERAL (
        SELECT type, priority, seq FROM {table}
        WHERE state = 'ready' AND lane = wanted_lane.lane
        ORDER BY type, priority DESC, seq
        LIMIT 1
    ) AS head
    UNION ALL
    SELECT type_walk.lane, head.type, head.priority, head.seq
    FROM type_walk
    CROSS JOIN LATERAL (
        SELECT type, priority, seq FROM {table}
        WHERE state = 'ready' AND lane = type_walk.lane AND type > type_walk.type
        ORDER BY type, priority DESC, seq
        LIMIT 1
    ) AS head
),
heads AS (
    SELECT lane, type, priority, seq
    FROM type_walk
    WHERE type <> ALL(%(not_types)s::text[])
)
