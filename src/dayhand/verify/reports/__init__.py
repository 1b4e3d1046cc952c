"""The reports of test runners about single tests, one module per format."""
