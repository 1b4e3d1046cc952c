"""Boxes by a Docker engine: one hardened container each."""
