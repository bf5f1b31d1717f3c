"""MCP over stdin and stdout, as hosts that start a server themselves speak it."""
