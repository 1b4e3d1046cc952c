"""Reminders that come when they are not expected."""
