-- The best ready jobs of some lanes, and all types but some.
{heads_of_lines},
{best_of_heads}
