"""A chat box whose border should show the chat mode."""
