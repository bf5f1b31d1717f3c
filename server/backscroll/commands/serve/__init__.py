"""`backscroll serve`: serves MCP over stdio or HTTP."""
