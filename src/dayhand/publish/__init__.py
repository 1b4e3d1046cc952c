"""What people see on GitHub, or in the terminal of a local run."""
