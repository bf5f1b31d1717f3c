"""Reads the page that shows conversations, and names the tools whose results it can draw.

The page is one HTML file. Hosts that support MCP Apps show it with the result of a tool (MCP Apps
specification, 2026-01-26).

This module imports only what starts quickly, because a stdio server answers the first requests
before it has imported the MCP SDK.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

URI: Final = "ui://backscroll/conversation"

MIME_TYPE: Final = "text/html;profile=mcp-app"
"""The media type by which a host recognises a page of MCP Apps."""

EXTENSION: Final = "io.modelcontextprotocol/ui"
"""The name of MCP Apps in the capabilities of a client."""

STRUCTURED: Final = "backscroll/structuredContent"
"""The field of a result's `_meta` in which the page finds the structured content if the result has
only text. Hosts do not show `_meta` to their model."""

DRAWN: Final = frozenset({"get-chat-messages", "list-messages", "list-threads", "search-messages"})
"""The tools whose results the page draws. A host opens the page when one of them is called."""

TOOL_META: Final = {"ui": {"resourceUri": URI}, "ui/resourceUri": URI}
"""The fields of a tool's `_meta` that name the page. The second field is an older name of the
first."""

PAGE_META: Final = {
    "ui": {"csp": {"connectDomains": [], "resourceDomains": []}, "prefersBorder": True}
}
"""The fields of the page's `_meta`: the page needs no network, and a border should surround it."""

PATH: Final = Path(__file__).parent / "app" / "conversation.html"

_VERSION: Final = "__VERSION__"
"""The text in the file that is replaced by Backscroll's version."""


def is_shown(extensions: Mapping[str, Mapping[str, object]]) -> bool:
    """Return whether a client with these extensions in its capabilities can show the page."""
    media_types = extensions.get(EXTENSION, {}).get("mimeTypes")
    return isinstance(media_types, list) and MIME_TYPE in media_types


def html() -> str:
    """Return the page of this version of Backscroll."""
    from importlib.metadata import version

    return PATH.read_text("utf-8").replace(_VERSION, version("backscroll"))
