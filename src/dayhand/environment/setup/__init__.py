"""Installing a repository in a set-up box, and keeping the result."""
