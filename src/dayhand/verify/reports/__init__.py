"""What test runners say of single tests, one file a format."""
