"""What the benchmark makes of samples; nothing is timed here."""
