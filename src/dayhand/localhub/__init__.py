"""A strict GitHub in one process, for the demo, the tests and the evals. It shares no code with Dayhand."""
