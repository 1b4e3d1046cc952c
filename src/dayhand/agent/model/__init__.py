"""The model: the interface, its client, and what happens when a server fails."""
