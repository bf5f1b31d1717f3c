"""The processes that serve HTTP, and their sockets."""
