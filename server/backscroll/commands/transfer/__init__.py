"""`backscroll import` and `backscroll export`: move conversations into and out of the store."""
