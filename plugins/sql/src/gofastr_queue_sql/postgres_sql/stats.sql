-- Count every job in one snapshot, each state from an index that holds all it needs.
SELECT counted.status, counted.lane, counted.type, counted.jobs::bigint, earliest.created_at
FROM (
    SELECT status, lane, type, sum(jobs) AS jobs, min(first) AS first
    FROM (
        SELECT 'pending' AS status, lane, type, count(*) AS jobs, min(seq) AS first
        FROM {table} WHERE state = 'ready' GROUP BY lane, type
        UNION ALL
        SELECT 'pending', lane, type, count(*), min(seq)
        FROM {table} WHERE state = 'later' GROUP BY lane, type
        UNION ALL
        SELECT 'claimed', lane, type, count(*), min(seq)
        FROM {table} WHERE state = 'claimed' GROUP BY lane, type
        UNION ALL
        SELECT 'failed', lane, type, count(*), min(seq)
        FROM {table} WHERE state = 'failed' GROUP BY lane, type
    ) AS by_state
    GROUP BY status, lane, type
) AS counted
JOIN {table} AS earliest ON earliest.seq = counted.first
ORDER BY counted.status, counted.lane, counted.type
