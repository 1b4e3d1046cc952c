"""The web pages: what a person does on GitHub in a browser."""
