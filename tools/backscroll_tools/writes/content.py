"""The content of a message to write: a text, or parts that are texts and images."""

from typing import Final

from backscroll_tools import schemas
from backscroll_tools.errors import invalid_arguments
from backscroll_tools.models import JSON

_KINDS: Final = {"text": "text", "image_file": "image_file.file_id", "image_url": "image_url.url"}
"""The types of parts. Each has a member of the same name; the value is the path of its content."""

TEXT: Final[JSON] = {
    "type": "string",
    "description": f"At most {schemas.CONTENT_CHARS:,} characters",
}
"""The published schema of `content`."""

PARTS: Final[JSON] = {
    "type": "array",
    "items": schemas.arguments(
        {
            "type": {"type": "string", "enum": list(_KINDS)},
            "text": schemas.STRING,
            "image_file": schemas.arguments({"file_id": schemas.STRING}, ("file_id",)),
            "image_url": schemas.arguments({"url": schemas.STRING}, ("url",)),
        },
        ("type",),
    ),
    "description": "Instead of content",
}
"""The published schema of `parts`."""


def content_of(arguments: JSON) -> str | list[JSON]:
    """Return the content of a message, as the API takes it.

    Args:
        arguments: the validated arguments of `create-message`.

    Raises:
        ToolError: `invalid_arguments` if both `content` and `parts` are given, or neither; if a
            part lacks the member that its type names, or has another one; or if the texts of all
            parts together are longer than `content` may be. OpenAI sets that limit for threads. It
            applies to conversations too, so that a message fits wherever it is written.
    """
    text: str = arguments.get("content", "")
    parts: list[JSON] = arguments.get("parts", [])
    if text and parts:
        raise invalid_arguments(
            "content and parts cannot be used together.",
            "Pass the text as a part of type text.",
        )
    if not (text or parts):
        raise invalid_arguments(
            "content must not be empty, unless parts is given.",
            "Pass the text as content, or text and images as parts.",
        )
    kept = [_part(index, part) for index, part in enumerate(parts)]
    total = sum(len(part.get("text", "")) for part in kept)
    if total > schemas.CONTENT_CHARS:
        raise invalid_arguments(
            f"parts must have at most {schemas.CONTENT_CHARS} characters of text in total; "
            f"they have {total}.",
            "Shorten the text, or write it as several messages.",
        )
    return text or kept


def _part(index: int, part: JSON) -> JSON:
    """Return a part with only the member that its type names.

    In OpenAI's strict mode, a model must fill in every member, so it may send the others empty.
    """
    kind: str = part["type"]
    if _is_empty(part.get(kind)):
        raise invalid_arguments(
            f"parts[{index}].{_KINDS[kind]} must not be empty.",
            "Each part needs the member that its type names.",
        )
    for other in _KINDS:
        if other != kind and not _is_empty(part.get(other)):
            raise invalid_arguments(
                f"parts[{index}] has type {kind}, so it cannot have {other}.",
                f"Pass {other} in a part of its own.",
            )
    return {"type": kind, kind: part[kind]}


def _is_empty(member: str | JSON | None) -> bool:
    if isinstance(member, dict):
        return not (member.get("file_id") or member.get("url"))
    return not member
