"""`backscroll forget`: erases conversations for good."""
