"""`backscroll serve`: MCP, to the host that started it or over HTTP."""
