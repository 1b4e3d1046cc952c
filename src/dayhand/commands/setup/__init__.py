"""``dayhand setup``: from a checkout to an App that is registered, installed and reachable."""
