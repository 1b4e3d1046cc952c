"""The package registries that set-up may reach."""
