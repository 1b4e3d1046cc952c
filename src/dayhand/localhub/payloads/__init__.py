"""GitHub's JSON: the bodies of API responses and of webhooks."""
