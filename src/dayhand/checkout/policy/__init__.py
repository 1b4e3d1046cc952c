"""What of a change is pushed, what waits for a person, and what is left out."""
