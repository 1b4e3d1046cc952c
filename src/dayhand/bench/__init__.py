"""Benchmarks of what Dayhand itself costs, without the model and without the repositories' own work."""
