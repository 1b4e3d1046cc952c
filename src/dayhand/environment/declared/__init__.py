"""What a repository declares about its own set-up and checks."""
