"""Changes that weaken the checks, found by reading the files."""
