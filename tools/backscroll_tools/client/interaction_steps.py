"""Converts an interaction of Google's API to items as conversations have them."""

from collections.abc import Iterator
from typing import Final, cast

from backscroll_tools.client.requests import ID
from backscroll_tools.models import JSON

_ROLES: Final = {"user_input": "user", "model_output": "assistant"}
"""The types of messages, each with the role of the message."""

_MODEL: Final = "model"
"""The role of the model's messages, if they name a role."""

_PARTS: Final = frozenset({"text", "image", "audio", "document", "video"})
"""The types of content. If content is not inside a message, it becomes a message."""

_OUTPUTS: Final = ("outputs", "output", "steps")
"""The fields of an interaction that may contain what followed the input."""

_COMPARED: Final = ("type", "role", "content", "name", "call_id", "arguments", "output")
"""The fields by which the last items of the input are compared with the first of the output."""


def rows(interaction: JSON) -> list[object] | None:
    """Return the input of an interaction, then its output, as items of a conversation.

    The id of an item that has no usable id is its field and its position, such as `input-0`. A
    result that has the id of its call gets such an id too. An item that the chain repeats is
    returned once: an item with the id and the type of an earlier one, and the last items of the
    input if the output starts with the same ones.

    Returns:
        The items, oldest first; None if the object is not an interaction.
    """
    if not isinstance(interaction.get("id"), str):
        return None
    asked = _numbered(interaction, "input", "user")
    field = next((name for name in _OUTPUTS if interaction.get(name)), _OUTPUTS[0])
    answered = _numbered(interaction, field, "assistant")
    repeated = _overlap([item for _, item in asked], [item for _, item in answered])
    return list(_each_once([*asked[: len(asked) - repeated], *answered]))


def _numbered(interaction: JSON, field: str, role: str) -> list[tuple[str, JSON]]:
    """Return the items of a field, each after the id that it gets if it has no usable id."""
    items = enumerate(_converted(interaction.get(field), role))
    return [(f"{field.removesuffix('s')}-{number}", item) for number, item in items]


def _each_once(numbered: list[tuple[str, JSON]]) -> Iterator[JSON]:
    """Yield the items without those that repeat an earlier one, each with an id of its own."""
    seen: set[tuple[str, str]] = set()
    ids: set[str] = set()
    for position, item in numbered:
        named, kind = item.get("id"), _kind(item)
        own = named if isinstance(named, str) and ID.fullmatch(named) else ""
        marks = {(kind, own)} if own else set[tuple[str, str]]()
        if item.get("call_id") and kind.endswith("_result"):
            marks.add((f"{kind} {item['call_id']}", str(item.get("output"))))
        if not marks & seen:
            item_id = own if own and own not in ids else position
            ids.add(item_id)
            yield {**item, "id": item_id}
        seen |= marks


def _converted(value: object, role: str) -> Iterator[JSON]:
    """Yield the items for a field of an interaction.

    The field contains steps, messages that only name a role, or content. A group of content
    becomes one message.

    Args:
        value: the value of the field.
        role: the role of a message that names no role.
    """
    content: list[object] = []
    for each in _listed(value):
        if isinstance(each, str) or _kind(each) in _PARTS:
            content.append(each)
            continue
        if content:
            yield _message({}, role, content)
            content = []
        if isinstance(each, dict):
            yield _item(cast("JSON", each), role)
    if content:
        yield _message({}, role, content)


def _item(step: JSON, role: str) -> JSON:
    kind = _kind(step)
    if kind in _ROLES:
        return _message(step, _ROLES[kind], step.get("content"))
    if "type" not in step or kind == "message":
        named = step.get("role") or role
        content = step.get("content", step.get("parts"))
        others = {name: value for name, value in step.items() if name != "parts"}
        return _message(others, "assistant" if named == _MODEL else named, content)
    call = {"call_id": step.get("call_id") or step.get("id")}
    if kind.endswith("_call"):
        return {**step, **call}
    if kind.endswith("_result"):
        others = {name: value for name, value in step.items() if name != "result"}
        return {**others, **call, "output": step.get("result")}
    return step


def _message(step: JSON, role: object, content: object) -> JSON:
    parts = [_part(each) for each in _listed(content) if _kind(each) != "thought"]
    return {**step, "type": "message", "role": role, "content": parts}


def _part(value: object) -> object:
    """Return a part of a message, with the id of the file whose address the part contains."""
    if isinstance(value, str):
        return {"type": "text", "text": value}
    if not isinstance(value, dict):
        return value
    part = cast("JSON", value)
    if "type" not in part and isinstance(part.get("text"), str):
        return {**part, "type": "text"}
    match str(part.get("uri")).rsplit("/", 2):
        case [_, "files", file_id] if "file_id" not in part:
            return {**part, "file_id": file_id}
        case _:
            return part


def _overlap(asked: list[JSON], answered: list[JSON]) -> int:
    """Return the number of the last items of the input with which the output starts."""
    last, first = [_compared(raw) for raw in asked], [_compared(raw) for raw in answered]
    for count in range(min(len(last), len(first)), 0, -1):
        if last[-count] == first[0] and last[-count:] == first[:count]:
            return count
    return 0


def _compared(item: JSON) -> list[object]:
    return [item.get(name) for name in _COMPARED]


def _kind(value: object) -> str:
    """Return the type of a step or of content; empty if it has none."""
    kind = cast("JSON", value).get("type") if isinstance(value, dict) else None
    return kind if isinstance(kind, str) else ""


def _listed(value: object) -> list[object]:
    if isinstance(value, list):
        return cast("list[object]", value)
    return [] if value in (None, "") else [value]
