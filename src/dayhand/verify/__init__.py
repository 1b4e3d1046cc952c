"""The repository's own checks, run by the worker: before and after, in clean boxes."""
