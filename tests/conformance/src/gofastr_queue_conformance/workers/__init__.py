"""Scripts that the kit runs in interpreters of their own, as ``python -m`` and their name."""
