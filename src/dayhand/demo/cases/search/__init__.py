"""Search results that come back in reverse order."""
