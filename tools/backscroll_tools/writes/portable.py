"""Converts messages between threads and conversations, and says what has no equivalent.

A portable message has the format in which a thread's message is created: `role`, `content` as parts
of type `text`, `image_file` or `image_url`, and `attachments`. `client.message_item` converts it to
an item of a conversation (docs/upstreams.md).
"""

from collections.abc import Iterable, Iterator
from typing import Final, cast

from msgspec import Struct, field

from backscroll_tools import schemas
from backscroll_tools.client.objects import ROLE
from backscroll_tools.models import JSON
from backscroll_tools.writes.once import MARKER

_ROLES: Final = frozenset({"user", "assistant"})
_TEXTS: Final = frozenset({"text", "input_text", "output_text"})
_LOST: Final = {
    "metadata": "message metadata",
    "run_id": "run ids",
    "assistant_id": "assistant ids",
}
"""The fields of a thread's message that a conversation's item cannot have."""

_DETAILS: Final = ("low", "high")
"""The levels of detail of images, besides the default, that threads and conversations both have."""

_SEARCHED: Final = "file_search"
"""The tool that can read each file of a copied message, if the copy is a thread."""


class Portable(Struct, frozen=True):
    """What can be copied of a message, and what cannot.

    Attributes:
        message: the portable message; None if nothing of it can be copied.
        lost: what has no equivalent, in words for people, such as `annotations`.
    """

    message: JSON | None
    lost: tuple[str, ...] = ()


class _Parts(Struct):
    content: list[JSON] = field(default_factory=list)
    attachments: list[JSON] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)


def portable(raw: JSON) -> Portable:
    """Return what can be copied of a message or an item, given in the upstream's format."""
    kind = _word(raw.get("type", "message"))
    if kind != "message":
        return Portable(None, (f"items of type {kind}",))
    role = _word(raw.get("role"))
    if role not in _ROLES:
        return Portable(None, (f"messages with the role {role}",))
    found = _Parts()
    content = raw.get("content")
    for part in [content] if isinstance(content, str) else _objects(content):
        _add(found, {"type": "text", "text": part} if isinstance(part, str) else part)
    for attachment in _objects(raw.get("attachments")):
        if isinstance(file_id := attachment.get("file_id"), str) and file_id:
            found.attachments.append(_attachment(file_id))
            if any(tool.get("type") != _SEARCHED for tool in _objects(attachment.get("tools"))):
                found.lost.append("tools of attachments")
    found.lost += [words for name, words in _LOST.items() if _has(raw, name)]
    if not found.content:
        return Portable(None, (*found.lost, "messages without text or image"))
    if sum(len(part.get("text", "")) for part in found.content) > schemas.CONTENT_CHARS:
        return Portable(None, (f"messages longer than {schemas.CONTENT_CHARS:,} characters",))
    message: JSON = {"role": role, "content": found.content}
    if found.attachments:
        message["attachments"] = found.attachments
    return Portable(message, tuple(found.lost))


def is_copy(copied: JSON, raw: JSON) -> bool:
    """Whether `raw`, in the upstream's format, converts to the portable message `copied`."""
    return portable(raw).message == copied


def _add(found: _Parts, part: JSON) -> None:
    kind = _word(part.get("type"))
    match part:
        case {"text": {"value": str() as text, **others}} if kind in _TEXTS:
            notes: object = others.get("annotations")
        case {"text": str() as text} if kind in _TEXTS:
            notes = part.get("annotations")
        case {"type": "image_file", "image_file": {"file_id": str() as file_id, **others}}:
            _add_image(found, "image_file", {"file_id": file_id}, others.get("detail"))
            return
        case {"type": "image_url", "image_url": {"url": str() as url, **others}}:
            _add_image(found, "image_url", {"url": url}, others.get("detail"))
            return
        case {"type": "input_image", "file_id": str() as file_id} if file_id:
            _add_image(found, "image_file", {"file_id": file_id}, part.get("detail"))
            return
        case {"type": "input_image", "image_url": str() as url} if url:
            _add_image(found, "image_url", {"url": url}, part.get("detail"))
            return
        case {"type": "input_file", "file_id": str() as file_id} if file_id:
            found.attachments.append(_attachment(file_id))
            return
        case _:
            found.lost.append(f"content of type {kind}")
            return
    if text:
        found.content.append({"type": "text", "text": text})
    if notes:
        found.lost.append("annotations")


def _add_image(found: _Parts, kind: str, image: JSON, detail: object) -> None:
    """Add an image, with its level of detail unless that is the default."""
    if detail in _DETAILS:
        image["detail"] = detail
    elif detail is not None and detail != "auto":
        found.lost.append("image detail")
    found.content.append({"type": kind, kind: image})


def _word(value: object) -> str:
    """Return a role or a type for a result to show; `unknown` if it is not a single word."""
    return value if isinstance(value, str) and ROLE.fullmatch(value) else "unknown"


def _has(raw: JSON, name: str) -> bool:
    value = raw.get(name)
    return bool(value.keys() - {MARKER}) if isinstance(value, dict) else bool(value)


def _attachment(file_id: str) -> JSON:
    return {"file_id": file_id, "tools": [{"type": _SEARCHED}]}


def _objects(value: object) -> Iterator[JSON]:
    for each in cast("Iterable[object]", value) if isinstance(value, list) else ():
        if isinstance(each, dict):
            yield cast("JSON", each)
