"""A demo that needs no account: a local GitHub, three stories, real work."""
