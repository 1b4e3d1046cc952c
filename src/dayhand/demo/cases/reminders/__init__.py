"""Reminders that are always every seven days."""
