"""Converts the entries of Mistral's conversations to items as conversations have them."""

from typing import Final, cast

from backscroll_tools.models import JSON

_ROLES: Final = {"message.input": "user", "message.output": "assistant"}
"""The types of messages, each with the role of a message that names no role."""


def as_item(raw: JSON) -> JSON:
    """Return the item of a conversation that corresponds to an entry.

    Messages become items of type `message`, without the model's thoughts. A call of a function and
    the execution of a tool become calls. The result of a function becomes the output of its call.
    Other entries, such as a handoff to another agent, do not change.
    """
    kind = raw.get("type")
    if not isinstance(kind, str):
        return raw
    if role := _ROLES.get(kind):
        content = _without_thoughts(raw.get("content"))
        return {**raw, "type": "message", "role": raw.get("role") or role, "content": content}
    others = {name: raw[name] for name in raw if name not in {"tool_call_id", "result", "info"}}
    call = {"call_id": raw.get("tool_call_id")}
    match kind:
        case "function.call":
            return {**others, **call, "type": "function_call"}
        case "function.result":
            return {**others, **call, "type": "function_call_output", "output": raw.get("result")}
        case "tool.execution":
            return {**others, "type": "tool_execution_call", "output": raw.get("info")}
        case _:
            return raw


def _without_thoughts(content: object) -> object:
    if not isinstance(content, list):
        return content
    return [part for part in cast("list[object]", content) if not _is_thought(part)]


def _is_thought(part: object) -> bool:
    return isinstance(part, dict) and cast("JSON", part).get("type") == "thinking"
