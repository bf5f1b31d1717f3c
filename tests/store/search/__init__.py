"""Search in the store."""
