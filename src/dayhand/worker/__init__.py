"""A worker's processes: the pool, and one job in it."""
