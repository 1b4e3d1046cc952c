"""The sentences that people read on GitHub, one file for each surface."""
