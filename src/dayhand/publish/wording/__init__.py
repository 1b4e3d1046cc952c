"""Every sentence that a person reads on GitHub, one file for each surface."""
