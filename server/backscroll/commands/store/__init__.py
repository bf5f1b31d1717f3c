"""`backscroll store`: serves the embedded store over HTTP."""
