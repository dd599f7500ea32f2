-- Until the transaction ends, plan as the indexes are made for: with old statistics, or none yet, a
-- claim of a few would sort every ready job, and a few due ones be joined by reading all of them.
-- Acks and the like then look up one id after the other, and so lock them in the order given.
-- No compiling, which takes longer than a claim.
SELECT
    set_config('enable_sort', 'off', true),
    set_config('enable_seqscan', 'off', true),
    set_config('enable_bitmapscan', 'off', true),
    set_config('enable_hashjoin', 'off', true),
    set_config('enable_mergejoin', 'off', true),
    set_config('jit', 'off', true)
