"""What conversations are imported from: one module a format, all reading to the same entries."""
