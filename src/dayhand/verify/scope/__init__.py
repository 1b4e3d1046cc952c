"""How large a change is, and which of its parts nobody asked for."""
