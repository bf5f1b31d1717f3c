"""Makes the entry of a tool in `tools/list`, without the fields that the reader does not need.

A model pays for the tokens of the list in every conversation. If the operator chose text, the
model sees only names, descriptions and input schemas, so the entry leaves out everything else that
changes nothing.

This module imports no third-party library, because a stdio server answers the first requests before
it has imported the MCP SDK.
"""

from collections.abc import Mapping
from typing import Any, Final

from backscroll.mcp import page_file
from backscroll.settings.model import Settings

MAX_RESULT: Final = "anthropic/maxResultSizeChars"
"""The field of `_meta` with the number of characters from which Claude Code writes a result of the
tool to a file."""

MAX_RESULT_DEFAULT: Final = 50_000
"""The number that applies if a tool does not have `MAX_RESULT`."""

_DEFAULT_HINTS: Final = {
    "readOnlyHint": False,
    "destructiveHint": True,
    "idempotentHint": False,
    "openWorldHint": True,
}
"""The values of missing hints (MCP specification, `ToolAnnotations`)."""

_Json = dict[str, Any]


def entry(tool: Mapping[str, Any], settings: Settings, *, shows_pages: bool) -> _Json:
    """Return a tool as `tools/list` shows it.

    Args:
        tool: the tool with all fields, as JSON of the MCP specification.
        settings: the operator's settings.
        shows_pages: whether the client states that it can show pages of MCP Apps.
    """
    shown = dict(tool)
    meta = dict(tool["_meta"])
    if settings.result_chars < MAX_RESULT_DEFAULT:
        meta.pop(MAX_RESULT, None)
    if settings.output == "text":
        # SDK clients report an error if a tool with an output schema returns only text.
        shown.pop("outputSchema", None)
        if tool["title"].lower() == tool["name"].replace("-", " "):
            shown.pop("title")
        shown["annotations"] = _hints(tool["annotations"])
        shown["inputSchema"] = _schema(tool["inputSchema"])
        if not shows_pages:
            # Servers should check the client's capabilities before they offer pages (MCP Apps
            # specification, 2026-01-26, client-server capability negotiation).
            meta = {name: value for name, value in meta.items() if name not in page_file.TOOL_META}
    shown["_meta"] = meta
    if not meta:
        shown.pop("_meta")
    return shown


def _hints(hints: Mapping[str, bool]) -> dict[str, bool]:
    """Return the hints that can change what a host does.

    Hosts ask before they call a tool if its hints say that it changes data. A tool that only reads
    needs only `readOnlyHint`. Other hints are left out if they have the default value.
    """
    if hints["readOnlyHint"]:
        return {"readOnlyHint": True}
    return {name: value for name, value in hints.items() if value is not _DEFAULT_HINTS[name]}


def _schema(arguments: Mapping[str, Any]) -> _Json:
    """Return an input schema without what a model knows from the rest of it.

    Calls are still validated against the whole schema. The descriptions repeat each `minimum` and
    `maximum`, and the text of a page names the argument `cursor` next to each cursor.
    """
    properties = {name: _inner(part) for name, part in arguments["properties"].items()}
    if "cursor" in properties:
        properties["cursor"].pop("description", None)
    return {**arguments, "properties": properties}


def _inner(schema: Mapping[str, Any]) -> _Json:
    shown = {name: value for name, value in schema.items() if name not in {"minimum", "maximum"}}
    if "items" in schema:
        shown["items"] = _inner(schema["items"])
    if "properties" in schema:
        members = {name: _inner(part) for name, part in schema["properties"].items()}
        shown["properties"] = members
        # Models fill in every member of an object that has only required strings, such as a pair of
        # a key and a value. So the list of required members tells them nothing.
        is_plain = all(part["type"] == "string" for part in members.values())
        if is_plain and len(schema.get("required", ())) == len(members):
            shown.pop("required")
    return shown
