"""`backscroll search`: finds messages, and prints them for a person."""
