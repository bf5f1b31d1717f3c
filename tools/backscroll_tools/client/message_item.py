"""Converts a message of a thread to an item of a conversation, in OpenAI's documented formats."""

from backscroll_tools.errors import invalid_arguments
from backscroll_tools.models import JSON


def message_item(message: JSON) -> JSON:
    """Return the item of type `message` that corresponds to a thread's message.

    Args:
        message: the message, with `role`, `content` (a text, or parts in the format of
            `writes.content`) and optionally `attachments`.

    Raises:
        ToolError: `invalid_arguments` if the message has metadata, which items do not support, or
            an attachment whose id is empty.
    """
    if message.get("metadata"):
        raise invalid_arguments(
            "Messages of a conversation cannot have metadata.",
            "Call again without metadata.",
        )
    for index, attachment in enumerate(message.get("attachments", [])):
        if not attachment["file_id"]:
            raise invalid_arguments(
                f"attachments[{index}].file_id must not be empty.",
                "Pass the id of a file, or leave out attachments.",
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
    match part["type"]:
        case "text":
            return {"type": text, "text": part["text"]}
        case "image_file":
            image = part["image_file"]
            return {"type": "input_image", "file_id": image["file_id"], **_detail(image)}
        case _:
            image = part["image_url"]
            return {"type": "input_image", "image_url": image["url"], **_detail(image)}


def _detail(image: JSON) -> JSON:
    detail = image.get("detail")
    return {"detail": detail if isinstance(detail, str) else "auto"}
