"""What comes out of a sandbox: a pack, counted and unpacked apart from the mirror."""
