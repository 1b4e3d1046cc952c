"""The repository's own toolchain: found, installed in a box, proved."""
