"""The client, its walks and its writes under seeded faults, on a clock that only jumps."""
