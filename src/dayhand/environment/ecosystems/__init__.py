"""One module for each ecosystem: its manifests, its installation and its checks."""
