"""Checks the content of a message before it is written: a text, or a list of texts and images."""

from typing import Final

from backscroll_tools import schemas
from backscroll_tools.errors import invalid_arguments
from backscroll_tools.models import JSON

_KINDS: Final = {"text": "text", "image_file": "image_file.file_id", "image_url": "image_url.url"}
"""Maps each type of part to the path of the content in such a part. A part of type `image_url`, for
example, has its content at `image_url.url`."""

TEXT: Final[JSON] = {
    "type": "string",
    "description": f"At most {schemas.CONTENT_CHARS:,} characters",
}
"""The JSON Schema of the argument `content`, as agents see it."""

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
"""The JSON Schema of the argument `parts`, as agents see it."""


def content_of(arguments: JSON) -> str | list[JSON]:
    """Return the content of a message in the format of the upstream's API.

    Args:
        arguments: the validated arguments of `create-message`.

    Raises:
        ToolError: `invalid_arguments` if both `content` and `parts` are given, or neither; if a
            part lacks the member that its type names, or has a different member; or if the texts of
            all parts together exceed `schemas.CONTENT_CHARS`. OpenAI has this limit for
            threads. We apply it to conversations too, so that the same message fits into both.
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
    checked = [_part(index, part) for index, part in enumerate(parts)]
    total = sum(len(part.get("text", "")) for part in checked)
    if total > schemas.CONTENT_CHARS:
        raise invalid_arguments(
            f"parts must have at most {schemas.CONTENT_CHARS} characters of text in total; "
            f"they have {total}.",
            "Shorten the text, or write it as several messages.",
        )
    return text or checked


def _part(index: int, part: JSON) -> JSON:
    """Return a part with only its type and the member that the type names.

    In OpenAI's strict mode, a model must fill in every member. So it may send the other members
    with empty values.
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
