"""`backscroll sync`: brings the sessions of other programs into the store."""
