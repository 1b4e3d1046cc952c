"""What GitHub knows that did not reach us: its list of deliveries, and what changed in the repositories."""
