"""MCP over Streamable HTTP: who may call, how much, and how a request reaches the MCP server."""
