"""Process-wide code that commands share: logging, tracing, signals, sockets and exit codes."""
