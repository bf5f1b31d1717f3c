"""Authentication: anyone may call, or only callers with a token."""
