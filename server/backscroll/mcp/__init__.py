"""The tools as an MCP server, on whichever transport."""
