"""`backscroll call`: calls one tool through the server."""
