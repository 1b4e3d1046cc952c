"""Tasks in Redis: their states, facts and outcomes, the journal and the live log."""
