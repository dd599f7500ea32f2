"""The throw-away servers that tests and benchmarks start by themselves."""
