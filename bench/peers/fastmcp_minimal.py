"""FastMCP's smallest server, with one tool that does nothing."""

from fastmcp import FastMCP

server = FastMCP("peer")


def echo(text: str) -> str:
    """Return the text."""
    return text


server.tool(echo)

if __name__ == "__main__":
    server.run(show_banner=False)
