"""`backscroll view`: shows conversations in a browser."""
