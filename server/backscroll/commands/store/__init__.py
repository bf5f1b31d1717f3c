"""`backscroll store`: the embedded store over HTTP."""
