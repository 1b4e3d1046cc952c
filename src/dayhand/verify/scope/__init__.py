"""How large a change is, and what in it nobody asked for."""
