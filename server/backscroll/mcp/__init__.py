"""The MCP server. It offers the tools over any transport."""
