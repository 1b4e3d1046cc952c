"""Changes that weaken the checks or act beyond them, found by reading the files."""
