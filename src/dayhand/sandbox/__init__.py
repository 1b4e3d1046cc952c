"""Boxes that run untrusted commands without letting them affect anything outside."""
