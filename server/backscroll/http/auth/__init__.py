"""Who may call: anybody, or callers with a token."""
