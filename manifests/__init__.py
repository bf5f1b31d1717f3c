"""What registries and hosts install from, and what is told of it: rendered by `make manifests`."""
