"""`backscroll token`: who may call over HTTP."""
