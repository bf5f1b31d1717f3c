"""`backscroll maintain`: checks the store's database, and puts it in order."""
