-- Lease one job that was read as ready in this transaction.
UPDATE {table}
SET state = 'claimed', attempts = attempts + 1, token = ?, worker = ?, lease_until = ?
WHERE seq = ?
