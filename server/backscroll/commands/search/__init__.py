"""`backscroll search`: finds messages, for a person."""
