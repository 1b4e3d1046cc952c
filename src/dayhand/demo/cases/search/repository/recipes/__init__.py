"""A box of recipes that can be searched."""
