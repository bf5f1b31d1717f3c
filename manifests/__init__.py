"""What registries and hosts install from, and everything else that `make render` renders."""
