"""The client for GitHub, real or local."""
