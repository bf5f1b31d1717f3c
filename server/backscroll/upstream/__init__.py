"""The chosen upstream: its kind, its credentials and its connections."""
