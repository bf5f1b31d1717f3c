"""Serving over HTTP: processes, sockets and the limits of a connection."""
