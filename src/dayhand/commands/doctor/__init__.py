"""``dayhand doctor``: checks of a whole installation, each fault with a code, its cause, its cure and its page."""
