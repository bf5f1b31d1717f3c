"""Objects of a framework as items: readable by every tool, and given back unchanged."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, TypeVar, cast

from backscroll_tools.client.items import is_message
from backscroll_tools.client.objects import SESSION
from backscroll_tools.models import JSON

_UNSEEN: Final = {"type": "session_item"}
"""The item for an object without readable content. Tools do not show items of this type."""

T = TypeVar("T")


def message(role: str, *texts: str) -> list[JSON]:
    """Return a message with a part for each text; no item if all texts are empty.

    Args:
        role: `user`, `assistant`, `system`, `developer` or `tool`.
        texts: the texts.
    """
    kind = "output_text" if role == "assistant" else "input_text"
    parts = [{"type": kind, "text": text} for text in texts if text]
    return [{"type": "message", "role": role, "content": parts}] if parts else []


def call(name: str, arguments: str, call_id: str) -> JSON:
    """Return the item for a call of a tool, with its arguments as JSON."""
    return {"type": "function_call", "name": name, "arguments": arguments, "call_id": call_id}


def output(text: str, call_id: str) -> JSON:
    """Return the item for the output of a tool."""
    return {"type": "function_call_output", "output": text, "call_id": call_id}


def kept(framework: str, original: JSON, readable: Sequence[JSON]) -> list[JSON]:
    """Return the items for an object of a framework.

    The first item's field `SESSION` is `{framework: object}`; in all others it is
    `{framework: null}`. Tools do not show this field.

    Args:
        framework: the framework, such as `langchain`.
        original: the object as JSON.
        readable: the same as items that tools show; may be empty.
    """
    first, *others = readable or [_UNSEEN]
    return [
        {**first, SESSION: {framework: original}},
        *({**each, SESSION: {framework: None}} for each in others),
    ]


def original_of(framework: str, item: JSON) -> JSON | None:
    """Return the object that an item contains; None if the item is not the first of an object."""
    match item.get(SESSION):
        case {**fields} if isinstance(fields.get(framework), dict):
            return cast("JSON", fields[framework])
        case _:
            return None


def is_continued(framework: str, item: JSON) -> bool:
    """Whether an item belongs to an object of the framework that an earlier item contains."""
    match item.get(SESSION):
        case {**fields}:
            return framework in fields and fields[framework] is None
        case _:
            return False


def objects(
    framework: str, items: Iterable[JSON], read: Callable[[JSON], T], other: Callable[[JSON], T]
) -> Iterator[T]:
    """Yield the objects of a session.

    Args:
        framework: the framework.
        items: the items of the session, in order.
        read: returns the object for its JSON.
        other: returns the object for a message that has text and was added by another program.
    """
    for item in items:
        original = original_of(framework, item)
        if original is not None:
            yield read(original)
        elif is_message(item) and not is_continued(framework, item) and text_of(item):
            yield other(item)


def text_of(item: JSON) -> str:
    """Return the text of a message, with a line for each part."""
    parts = item.get("content") or ()
    texts = [part.get("text") for part in parts if isinstance(part, dict)]
    return "\n".join(text for text in texts if isinstance(text, str) and text)
