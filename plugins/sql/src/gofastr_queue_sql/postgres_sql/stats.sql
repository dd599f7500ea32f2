-- Count every job in one snapshot.
SELECT counted.status, counted.lane, counted.type, counted.jobs::bigint, earliest.created_at
FROM (
    SELECT status, lane, type, sum(jobs) AS jobs, min(first) AS first
    FROM ({counts}) AS by_state
    GROUP BY status, lane, type
) AS counted
JOIN {table} AS earliest ON earliest.seq = counted.first
ORDER BY counted.status, counted.lane, counted.type
