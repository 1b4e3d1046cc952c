"""What operators read about all tasks together."""
