-- Has any lease run out?
SELECT 1 FROM {table} INDEXED BY {table}_leases
WHERE state = 'claimed' AND lease_until <= ?
LIMIT 1
