"""Converts a line of a Claude Code log to items."""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from msgspec import Struct

from backscroll.history.items import log_items
from backscroll.history.reading.fields import mapping, objects_of, string, text_in
from backscroll.history.reading.texts import first_words
from backscroll.store.envelopes import JSON

_NOT_TYPED: Final = (
    "<command-name>",
    "<command-message>",
    "<local-command-",
    "<bash-input>",
    "<bash-stdout>",
    "<task-notification>",
    "[Request interrupted by user",
)
"""The starts of texts that the program, not the user, wrote into a user's message."""

_PROMPT: Final = "prompt"
_FILES: Final = frozenset({"image", "document"})
_INSERTED: Final = re.compile(
    r"<(system-reminder|ide_opened_file|ide_selection|ide_diagnostics)>.*?(?:</\1>|\Z)\s*",
    re.DOTALL,
)
"""Matches what the program inserts into the text that a person typed."""


class Turn(Struct, frozen=True):
    """The content of a line.

    Attributes:
        uuid: the id of the line.
        message: the id of the assistant's message of which the line is a block; empty if unknown.
        bodies: the items of the line, without their keys.
    """

    uuid: str
    message: str
    bodies: Sequence[JSON]


def turn_of(value: JSON, position: int) -> Turn:
    """Return the content of a line.

    Args:
        value: the line.
        position: the position of the line. If the line has no id, its id is made from the position.
    """
    is_answer = value.get("type") == "assistant"
    message_id = text_in(mapping(value.get("message")), "id") if is_answer else ""
    return Turn(text_in(value, "uuid") or f"line-{position + 1}", message_id, list(items_of(value)))


def items_of(line: JSON) -> Iterator[JSON]:
    """Yield the items of a line, without their keys."""
    attachment = line.get("attachment")
    if isinstance(attachment, dict):
        if prompt := prompt_of(attachment):
            yield log_items.message("user", prompt)
        return
    message = line.get("message")
    if not isinstance(message, dict):
        return
    content = message.get("content")
    blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
    if not isinstance(blocks, list):
        return
    is_person = line.get("type") == "user"
    for block in blocks:
        is_object = isinstance(block, dict)
        whole = block if is_object else {"type": "text", "text": block}
        if (item := _item(whole, is_person=is_person)) is not None:
            yield item


def _item(block: JSON, *, is_person: bool) -> JSON | None:
    match block.get("type"):
        case "text":
            text = string(block.get("text"))
            text = typed_text(text) if is_person else text
            role = "user" if is_person else "assistant"
            return log_items.message(role, text) if text.strip() else None
        case "tool_result":
            return log_items.function_call_output(
                string(block.get("tool_use_id")), _output(block.get("content"))
            )
        case "tool_use" | "server_tool_use" | "mcp_tool_use":
            name, call_id = string(block.get("name")), string(block.get("id"))
            return log_items.function_call(call_id, name, block.get("input", {}))
        case "thinking":
            text = string(block.get("thinking"))
            return log_items.reasoning(text) if text.strip() else None
        case "image" | "document":
            note = log_items.base64_note(block.get("source"))
            return log_items.message("user" if is_person else "assistant", note)
        case str() as kind if kind.endswith("_tool_result"):
            return log_items.function_call_output(
                string(block.get("tool_use_id")), _output(block.get("content"))
            )
        case _:
            return None


def typed_text(text: str) -> str:
    """Return a text of the user without what the program inserted; empty if nothing was typed."""
    if "<" in text:
        text = _INSERTED.sub("", text)
    return "" if text.lstrip().startswith(_NOT_TYPED) else text


def prompt_of(attachment: JSON) -> str:
    """Return the prompt that an attachment contains; empty if it contains none.

    It is a prompt that the user typed while the program worked.
    """
    if attachment.get("commandMode", _PROMPT) != _PROMPT:
        return ""
    prompt = attachment.get("prompt")
    if isinstance(prompt, list):
        texts = (text_in(block, "text") for block in objects_of(prompt))
        prompt = "\n".join(filter(None, texts))
    return typed_text(prompt).strip() if isinstance(prompt, str) else ""


def title_in(items: Iterable[JSON]) -> str:
    """Return the first line of the first prompt, shortened; empty if there is no prompt."""
    for item in items:
        if item["type"] == "message" and item["role"] == "user":
            return first_words(item["content"])
    return ""


def _output(content: Any) -> str:  # noqa: ANN401 - any JSON value
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return "" if content is None else log_items.json_text(content)
    return "\n".join(map(_output_part, content))


def _output_part(part: Any) -> str:  # noqa: ANN401 - any JSON value
    if not isinstance(part, dict):
        return part if isinstance(part, str) else log_items.json_text(part)
    text = part.get("text")
    if isinstance(text, str):
        return text
    if string(part.get("type")) in _FILES:
        return log_items.base64_note(part.get("source"))
    return log_items.json_text(part)
