"""Converts a thread's message to an item of a conversation, by OpenAI's mapping."""

from backscroll_tools.errors import invalid_arguments
from backscroll_tools.models import JSON


def message_item(message: JSON) -> JSON:
    """Return the item of type `message` that corresponds to a thread's message.

    Args:
        message: `role`, `content` (text or parts) and `attachments`, as `create-message` takes
            them.

    Raises:
        ToolError: `invalid_arguments` for metadata, which items do not support, or a content
            part without the field that its type requires.
    """
    if message.get("metadata"):
        raise invalid_arguments(
            "Messages of a conversation cannot have metadata.",
            "Call again without metadata.",
        )
    role, content = message["role"], message["content"]
    text = "output_text" if role == "assistant" else "input_text"
    parts = [{"type": "text", "text": content}] if isinstance(content, str) else content
    files = [
        {"type": "input_file", "file_id": attachment["file_id"]}
        for attachment in message.get("attachments", [])
    ]
    return {
        "type": "message",
        "role": role,
        "content": [*(_part(part, text) for part in parts), *files],
    }


def _part(part: JSON, text: str) -> JSON:
    match part:
        case {"type": "text", "text": str() as value}:
            return {"type": text, "text": value}
        case {"type": "image_file", "image_file": {"file_id": str() as file_id, **rest}}:
            return {"type": "input_image", "file_id": file_id, **_detail(rest)}
        case {"type": "image_url", "image_url": {"url": str() as url, **rest}}:
            return {"type": "input_image", "image_url": url, **_detail(rest)}
        case _:
            raise invalid_arguments(
                f"A content part of type {part['type']} lacks the field that its type requires.",
                "A text part needs text, an image_file part file_id, and an image_url part url.",
            )


def _detail(rest: object) -> JSON:
    match rest:
        case {"detail": str() as detail}:
            return {"detail": detail}
        case _:
            return {"detail": "auto"}
