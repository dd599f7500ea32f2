-- Count what is stored by reading the rows, whatever the queue's own counts say.
SELECT
    CASE WHEN state IN ('ready', 'later') THEN 'pending' ELSE state END AS status,
    lane,
    type,
    count(*)
FROM {table}
GROUP BY 1, 2, 3
