"""The page that shows conversations, in a real browser."""
