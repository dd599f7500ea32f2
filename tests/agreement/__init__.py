"""All our stores, fed the same, say the same."""
