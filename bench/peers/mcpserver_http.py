"""The SDK's `MCPServer` with one tool that does nothing, over HTTP: `mcpserver_http.py PORT`."""

import sys

from mcp.server import MCPServer

server = MCPServer("peer", log_level="ERROR")


@server.tool()
def echo(text: str) -> str:
    """Return the text."""
    return text


if __name__ == "__main__":
    server.run("streamable-http", port=int(sys.argv[1]), stateless_http=True, json_response=True)
