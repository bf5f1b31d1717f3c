"""Logging, tracing, signals, listening sockets and exit codes, for all commands."""
