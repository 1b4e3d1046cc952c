"""What a commit only refers to: submodules and Git LFS files."""
