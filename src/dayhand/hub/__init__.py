"""GitHub, as seen from here: one client, whichever server answers."""
