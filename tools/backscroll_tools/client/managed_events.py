"""Converts the events of Anthropic's managed agents to items as conversations have them."""

from datetime import UTC, datetime
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
    item = _timed(raw, "processed_at", "created_at")
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


def session(raw: JSON) -> JSON:
    """Return a session with its times in Unix seconds, under the names of OpenAI's API."""
    return _timed(_timed(raw, "created_at", "created_at"), "updated_at", "last_active_at")


def _tool(kind: str, suffix: str) -> str:
    """Return the word for the tool: `tool`, `mcp_tool` or `custom_tool`."""
    return f"{kind.rpartition('.')[2].removesuffix(suffix)}tool"


def _timed(raw: JSON, field: str, target: str) -> JSON:
    """Return an object whose field with a time (RFC 3339) is replaced by Unix seconds."""
    value = raw.get(field)
    try:
        at = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return raw
    if at is None:
        return raw
    rest = {name: inner for name, inner in raw.items() if name != field}
    return {**rest, target: int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp())}
