-- A job's errors with one more, the newest of them.
CASE
    WHEN jsonb_typeof(job.errors) <> 'array' THEN '[]'
    WHEN jsonb_array_length(job.errors) < %(kept)s THEN job.errors
    ELSE job.errors - 0
END || jsonb_build_array(jsonb_build_array(job.attempts, {now}, release.error))
