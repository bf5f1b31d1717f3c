"""Who may call: anyone, or only callers with a token."""
