"""Dayhand: label an issue, walk away, come back to a tested pull request."""
