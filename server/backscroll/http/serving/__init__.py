"""The HTTP server: processes, sockets and the limits of connections."""
