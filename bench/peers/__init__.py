"""Other people's ways to build a server, at their smallest: each is a script for a host."""
