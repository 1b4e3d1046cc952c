"""GitHub's Markdown as a person sees it: what GitHub does not show is left out, and named."""
