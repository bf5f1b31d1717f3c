"""`backscroll token`: manages tokens for callers over HTTP."""
