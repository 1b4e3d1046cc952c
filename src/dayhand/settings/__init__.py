"""What the operator decides: the table of settings, where values come from, and what commands require."""
