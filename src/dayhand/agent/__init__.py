"""The model, its tools, and the loop between them."""
