"""The embedded store: its wire format, its durability, and the official client on it."""
