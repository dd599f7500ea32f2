-- Is any job ready, and what falls due next?  In order, lest the planner reads the table to find one.
SELECT {now}, ({soonest}), (
    SELECT seq FROM {table} WHERE state = 'ready' AND seq > 0 ORDER BY priority DESC, seq LIMIT 1
) IS NOT NULL
