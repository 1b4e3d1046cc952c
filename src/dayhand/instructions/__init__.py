"""The instruction files that repositories keep for coding agents: which exist, what each governs, what fits."""
