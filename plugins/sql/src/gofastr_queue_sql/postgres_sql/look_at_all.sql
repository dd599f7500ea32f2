-- Is any job ready, and what falls due next?
SELECT {now}, ({soonest}), EXISTS (SELECT FROM {table} WHERE state = 'ready')
