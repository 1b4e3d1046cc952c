"""The network access of set-up: a proxy that connects to allowed hosts only."""
