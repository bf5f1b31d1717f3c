"""Import and export of whole threads, conversations, stored completions and responses."""
