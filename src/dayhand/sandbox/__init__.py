"""Boxes that run commands and hurt nothing outside them."""
