"""`backscroll connect`: an entry for Backscroll in a host's configuration, and out of it again."""
