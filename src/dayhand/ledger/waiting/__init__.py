"""The tasks that wait: whose turn is next, each one's place, and how long it may take."""
