"""What registries and hosts install from, rendered from one description: `make manifests`."""
