-- Count each state from an index that holds all it needs.
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
