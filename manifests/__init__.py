"""Manifests for registries and hosts, and everything else that `make render` renders."""
