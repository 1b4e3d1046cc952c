"""What a process tells its operator."""
