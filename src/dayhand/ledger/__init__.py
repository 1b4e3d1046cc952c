"""What is asked, how far it is, what happened: tasks, their states, the journal and the live log."""
