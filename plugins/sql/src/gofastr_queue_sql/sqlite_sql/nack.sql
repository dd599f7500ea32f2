-- End a current claim; the error is stamped with the attempt it belongs to.
UPDATE {table}
SET state = :state,
    attempts = attempts - :uncounted,
    scheduled_at = coalesce(:scheduled_at, scheduled_at),
    errors = CASE
        WHEN :error = '' THEN errors
        WHEN NOT json_valid(errors) THEN json_array(json_array(attempts, :now, :error))
        WHEN json_array_length(errors) < :kept
            THEN json_insert(errors, '$[#]', json_array(attempts, :now, :error))
        ELSE json_insert(json_remove(errors, '$[0]'), '$[#]', json_array(attempts, :now, :error))
    END,
    token = '', worker = '', lease_until = NULL
WHERE id = :id AND token = :token AND state = 'claimed'
