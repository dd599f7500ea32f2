"""From the results of the kit's cases to a certificate."""
