"""Boxes in a Docker engine: one hardened container each. In here ``docker`` is the docker-py library."""
