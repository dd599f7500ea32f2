-- Is this job pending or claimed?
SELECT 1 FROM {table} WHERE id = :last_job AND state <> 'failed'
