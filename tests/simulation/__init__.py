"""Simulates the client's reads and writes under seeded faults, in virtual time."""
