"""Untrusted text in Markdown: escaped, or parsed and written anew."""
