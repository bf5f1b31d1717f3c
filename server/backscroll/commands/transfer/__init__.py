"""`backscroll import` and `backscroll export`: conversations into and out of the store."""
