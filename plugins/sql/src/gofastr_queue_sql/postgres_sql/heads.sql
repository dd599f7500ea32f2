-- The best ready job of each wanted lane and type: two walks that take one seek a step, first over
-- the lanes, then over the types of each, where they are not given.
lane_walk (lane) AS (
    (
        SELECT lane FROM {table}
        WHERE state = 'ready' AND %(lanes)s::text[] IS NULL
        ORDER BY lane
        LIMIT 1
    )
    UNION ALL
    SELECT (
        SELECT lane FROM {table}
        WHERE state = 'ready' AND lane > lane_walk.lane
        ORDER BY lane
        LIMIT 1
    )
    FROM lane_walk
    WHERE lane IS NOT NULL
),
wanted_lane (lane) AS (
    SELECT unnest(%(lanes)s::text[])
    UNION ALL
    SELECT lane FROM lane_walk WHERE lane IS NOT NULL
),
type_walk (lane, type) AS (
    SELECT lane, (
        SELECT type FROM {table}
        WHERE state = 'ready' AND lane = wanted_lane.lane
        ORDER BY type
        LIMIT 1
    )
    FROM wanted_lane
    WHERE %(types)s::text[] IS NULL AND lane <> ALL(%(not_lanes)s::text[])
    UNION ALL
    SELECT lane, (
        SELECT type FROM {table}
        WHERE state = 'ready' AND lane = type_walk.lane AND type > type_walk.type
        ORDER BY type
        LIMIT 1
    )
    FROM type_walk
    WHERE type IS NOT NULL
),
wanted_line (lane, type) AS (
    SELECT lane, given.type
    FROM wanted_lane CROSS JOIN unnest(%(types)s::text[]) AS given (type)
    UNION ALL
    SELECT lane, type FROM type_walk WHERE type IS NOT NULL
),
heads AS (
    SELECT wanted_line.lane, wanted_line.type, head.priority, head.seq
    FROM wanted_line
    CROSS JOIN LATERAL (
        SELECT priority, seq FROM {table}
        WHERE state = 'ready' AND lane = wanted_line.lane AND type = wanted_line.type
        ORDER BY priority DESC, seq
        LIMIT 1
    ) AS head
    WHERE wanted_line.lane <> ALL(%(not_lanes)s::text[])
        AND wanted_line.type <> ALL(%(not_types)s::text[])
)
