"""`backscroll import` and `backscroll export`."""
