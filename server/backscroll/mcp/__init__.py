"""The MCP server that offers the tools, for any transport."""
