"""Boxes by bubblewrap: no daemon, one process for each command."""
