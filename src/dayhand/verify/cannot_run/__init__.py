"""How it is recognised that a check cannot run here, and what is missing."""
