"""The tools as an MCP server, on any transport."""
