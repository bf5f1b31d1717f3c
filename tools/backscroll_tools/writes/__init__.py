"""Writes a message exactly once, even if the upstream ignores idempotency keys."""
