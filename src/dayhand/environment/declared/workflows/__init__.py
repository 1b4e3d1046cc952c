"""What a repository's own GitHub Actions workflows set up, install and check."""
