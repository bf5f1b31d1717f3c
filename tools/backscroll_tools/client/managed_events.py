"""Converts the events of Anthropic's managed agents to items as conversations have them."""

from typing import Final

from backscroll_tools.models import JSON

_ROLES: Final = {
    "user.message": "user",
    "agent.message": "assistant",
    "system.message": "system",
}
_USE: Final = "tool_use"
_RESULT: Final = "tool_result"
_USE_IDS: Final = ("tool_use_id", "mcp_tool_use_id", "custom_tool_use_id")
"""The fields of a result with the id of the event that called the tool."""


def as_item(raw: JSON) -> JSON:
    """Return the item of a conversation that corresponds to an event.

    A use of a tool becomes a call, and its result the output of the call. Other events, such as a
    change of the session's status, keep their type.
    """
    kind = raw.get("type")
    if not isinstance(kind, str):
        return raw
    item = {name: value for name, value in raw.items() if name != "processed_at"}
    if processed_at := raw.get("processed_at"):
        item["created_at"] = processed_at
    if role := _ROLES.get(kind):
        return {**item, "type": "message", "role": role}
    if kind.endswith(_USE):
        return {**item, "type": f"{_tool(kind, _USE)}_call", "call_id": raw.get("id")}
    if kind.endswith(_RESULT):
        call_id = next((raw[name] for name in _USE_IDS if name in raw), None)
        item = {name: value for name, value in item.items() if name not in {*_USE_IDS, "content"}}
        output = {"call_id": call_id, "output": raw.get("content")}
        return {**item, "type": f"{_tool(kind, _RESULT)}_output", **output}
    return {**item, "type": f"event.{kind}.event"}


def _tool(kind: str, suffix: str) -> str:
    """Return the word for the tool: `tool`, `mcp_tool` or `custom_tool`."""
    return f"{kind.rpartition('.')[2].removesuffix(suffix)}tool"
