-- Until the transaction ends, run what is prepared by the plan that is kept: it fits whatever is asked,
-- and making another one takes longer than a claim.
SELECT set_config('plan_cache_mode', 'force_generic_plan', true)
