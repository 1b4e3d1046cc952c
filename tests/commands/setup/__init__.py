"""``dayhand setup`` against the local GitHub."""
