"""MCP over stdin and stdout, for hosts that start the server themselves."""
