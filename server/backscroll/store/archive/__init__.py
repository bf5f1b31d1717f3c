"""Import and export of whole threads, conversations and stored completions."""
