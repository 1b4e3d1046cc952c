"""The nouns of what the model reads besides the code."""
