"""`backscroll connect`: adds Backscroll to a host's configuration, or removes it."""
