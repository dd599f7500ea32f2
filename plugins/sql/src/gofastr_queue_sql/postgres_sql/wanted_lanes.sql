-- The wanted lanes: those given, or all, found by a walk that takes one seek a step.
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
    SELECT lane
    FROM (
        SELECT unnest(%(lanes)s::text[])
        UNION ALL
        SELECT lane FROM lane_walk WHERE lane IS NOT NULL
    ) AS known (lane)
    WHERE lane <> ALL(%(not_lanes)s::text[])
)
