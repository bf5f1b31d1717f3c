"""`backscroll demo`: real conversations, the real server, a real client, in seconds."""
