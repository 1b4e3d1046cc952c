"""The repository's own toolchain: detected, installed in a box, probed."""
