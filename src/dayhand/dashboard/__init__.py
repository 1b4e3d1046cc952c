"""What people see in the browser: the board, and a task with its live log."""
