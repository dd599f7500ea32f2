-- Remove a job whose claim is current.
DELETE FROM {table} WHERE id = ? AND token = ? AND state = 'claimed'
