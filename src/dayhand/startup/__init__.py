"""What makes commands start quickly."""
