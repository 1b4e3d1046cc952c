"""Untrusted text as Markdown: escaped, or parsed and rewritten."""
