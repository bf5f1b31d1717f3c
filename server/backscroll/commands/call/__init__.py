"""`backscroll call`: one tool call through the server."""
