-- Until the transaction ends, plan as below, and run what is prepared by the plan that is kept: it fits
-- whatever is asked, and making another one takes longer than a claim.
{plan},
    set_config('plan_cache_mode', 'force_generic_plan', true)
