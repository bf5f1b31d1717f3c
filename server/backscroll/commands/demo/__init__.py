"""`backscroll demo`: shows the tools with real conversations, a real server and a real client."""
