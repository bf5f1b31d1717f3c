"""Conversations and items in requests and responses.

Sources: OpenAI's OpenAPI document of 2026-08-21, `InputItem` for requests and `ConversationItem`
for responses. The store only inspects messages; it keeps items of other kinds, known or not, as
they are.
"""

from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Discriminator, Field, Tag
from pydantic_core import PydanticCustomError

from backscroll.store.bodies import MetadataChange
from backscroll.store.envelopes import JSON
from backscroll.store.ids import new_item_id

MAX_ITEM_TEXT: Final = 10 * 1024 * 1024
"""The most characters of one text part of a message (`InputTextContent.text`)."""

_MAX_ITEMS: Final = 20
_MESSAGE: Final = "message"
_TEXTS: Final = frozenset({"input_text", "output_text", "text", "summary_text", "reasoning_text"})
_DECLARED: Final[dict[str, JSON]] = {
    "output_text": {"annotations": []},
    "input_image": {"detail": "auto"},
}
"""Defaults of fields that a part may omit in a request but must have in a response."""


class _Open(BaseModel):
    model_config = ConfigDict(strict=True, extra="allow", frozen=True, defer_build=True)


ItemText = Annotated[str, Field(max_length=MAX_ITEM_TEXT)]


class TextContent(_Open):
    """A part of a message that is text."""

    text: ItemText


class OtherContent(_Open):
    """A part of a message that is anything else."""

    type: Annotated[str, Field(min_length=1)]


def _content_tag(value: Any) -> str:  # noqa: ANN401 - whatever the wire holds
    return "<parts>" if isinstance(value, list) else "<string>"


def _part_tag(value: Any) -> str:  # noqa: ANN401 - whatever the wire holds
    is_text = isinstance(value, dict) and _of_kind(value, _TEXTS)
    return "<text>" if is_text else "<other>"


def _of_kind(value: JSON, kinds: frozenset[str]) -> bool:
    kind = value.get("type")
    return isinstance(kind, str) and kind in kinds


ContentPart = Annotated[
    Annotated[TextContent, Tag("<text>")] | Annotated[OtherContent, Tag("<other>")],
    Discriminator(_part_tag),
]


class MessageItem(_Open):
    """A message; `type` may be left out."""

    role: Literal[
        "unknown", "user", "assistant", "system", "critic", "discriminator", "developer", "tool"
    ]
    content: Annotated[
        Annotated[ItemText, Tag("<string>")] | Annotated[list[ContentPart], Tag("<parts>")],
        Discriminator(_content_tag),
    ]
    status: Literal["in_progress", "completed", "incomplete"] | None = None


def _no_reference(kind: str) -> str:
    if kind == "item_reference":
        raise PydanticCustomError(
            "reference", "this store follows no references, send the item itself"
        )
    return kind


class OtherItem(_Open):
    """An item of any other kind."""

    type: Annotated[str, Field(min_length=1), AfterValidator(_no_reference)]


def _is_message(item: JSON) -> bool:
    kind = item.get("type")
    return kind == _MESSAGE or (kind is None and ("role" in item or "content" in item))


def _item_tag(value: Any) -> str:  # noqa: ANN401 - whatever the wire holds
    return "<message>" if isinstance(value, dict) and _is_message(value) else "<item>"


ItemBody = Annotated[
    Annotated[MessageItem, Tag("<message>")] | Annotated[OtherItem, Tag("<item>")],
    Discriminator(_item_tag),
]


class ConversationCreate(MetadataChange):
    """`CreateConversationBody`."""

    items: Annotated[list[ItemBody], Field(max_length=_MAX_ITEMS)] | None = None


class ItemList(BaseModel):
    """Items of which there may be any number, as an import has them."""

    model_config = ConfigDict(strict=True, frozen=True, defer_build=True)

    items: list[ItemBody]


class ItemsCreate(BaseModel):
    """The body of `createConversationItems`."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, defer_build=True)

    items: Annotated[list[ItemBody], Field(min_length=1, max_length=_MAX_ITEMS)]


def conversation_object(row: JSON) -> JSON:
    """Return the API's object for a conversation."""
    return {
        "id": row["id"],
        "object": "conversation",
        "created_at": row["created_at"],
        "metadata": row["metadata"] or {},
    }


def item_row(item: JSON, item_id: str | None = None) -> JSON:
    """Return the row of a validated item, except its conversation and position.

    Args:
        item: as received. Its `id` is ignored, because the server creates ids, as OpenAI's does.
        item_id: None for a new one.
    """
    body = {name: value for name, value in item.items() if name != "id"}
    if _is_message(item):
        body |= {
            "type": _MESSAGE,
            "status": item.get("status") or "completed",
            "content": _parts(item["role"], item["content"]),
        }
    return {"id": item_id or new_item_id(body["type"]), "body": body}


def item_object(row: JSON) -> JSON:
    """Return the API's object for an item, which has no timestamp."""
    return {"id": row["id"], **row["body"]}


def _parts(role: str, content: str | list[JSON]) -> list[JSON]:
    if isinstance(content, str):
        kind = "output_text" if role == "assistant" else "input_text"
        content = [{"type": kind, "text": content}]
    return [{**_DECLARED.get(part["type"], {}), **part} for part in content]
