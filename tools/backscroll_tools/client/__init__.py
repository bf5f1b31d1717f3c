"""The async client: pure functions for requests and replies, around a small core of I/O."""
