-- Take back jobs whose lease has run out, soonest expired first: to their old place, or failed.
UPDATE {table}
SET state = CASE WHEN attempts < max_attempts THEN 'ready' ELSE 'failed' END,
    errors = CASE
        WHEN NOT json_valid(errors) THEN json_array(json_array(attempts, :now, :error))
        WHEN json_array_length(errors) < :kept
            THEN json_insert(errors, '$[#]', json_array(attempts, :now, :error))
        ELSE json_insert(json_remove(errors, '$[0]'), '$[#]', json_array(attempts, :now, :error))
    END,
    token = '', worker = '', lease_until = NULL
WHERE seq IN (
    SELECT seq FROM {table} INDEXED BY {table}_leases
    WHERE state = 'claimed' AND lease_until <= :now
    ORDER BY lease_until, seq
    LIMIT :limit
)
RETURNING {columns}
