"""The repository's own checks, run by the worker in clean boxes, on the change and on its base."""
