"""The repository on the host: always bare, never a work tree."""
