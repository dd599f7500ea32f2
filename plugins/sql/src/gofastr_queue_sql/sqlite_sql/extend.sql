-- Move a current lease's end, never to an earlier moment.
UPDATE {table} SET lease_until = max(lease_until, ?)
WHERE id = ? AND token = ? AND state = 'claimed'
RETURNING lease_until
