"""The web pages: the list of tasks, and each task with its live log."""
