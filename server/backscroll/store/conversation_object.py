"""Conversations and items in requests and responses.

Source: `InputItem` (requests) and `ConversationItem` (responses) in OpenAI's OpenAPI document of
2026-08-21. The store validates the `role`, `content` and `status` of messages. Of all other items,
it validates only the `type`. It adds the fields that a response requires.
"""

from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Discriminator, Field, Tag
from pydantic_core import PydanticCustomError

from backscroll.store.activity import US
from backscroll.store.bodies import MetadataChange
from backscroll.store.envelopes import JSON
from backscroll.store.ids import new_item_id

MAX_ITEM_TEXT: Final = 10 * 1024 * 1024
"""The maximum length of one text part of a message, in characters (`InputTextContent.text`)."""

_MAX_ITEMS: Final = 20
_MESSAGE: Final = "message"
_TEXTS: Final = frozenset({"input_text", "output_text", "text", "summary_text", "reasoning_text"})
_REQUIRED: Final[dict[str, JSON]] = {
    "output_text": {"annotations": []},
    "input_image": {"detail": "auto"},
}
"""Default values of fields that are optional in a request but required in a response."""

_WITH_STATUS: Final = frozenset(
    {
        *("function_call", "function_call_output", "computer_call_output", "shell_call"),
        *("shell_call_output", "tool_search_call", "tool_search_output"),
    }
)
"""Types of items whose `status` is optional in a request but required in a response."""


class _ExtraAllowed(BaseModel):
    model_config = ConfigDict(strict=True, extra="allow", frozen=True, defer_build=True)


ItemText = Annotated[str, Field(max_length=MAX_ITEM_TEXT)]


class TextContent(_ExtraAllowed):
    """A text part of a message."""

    text: ItemText


class OtherContent(_ExtraAllowed):
    """A message part that is not a text part."""

    type: Annotated[str, Field(min_length=1)]


def _content_tag(value: Any) -> str:  # noqa: ANN401 - any JSON value
    return "<parts>" if isinstance(value, list) else "<string>"


def _part_tag(value: Any) -> str:  # noqa: ANN401 - any JSON value
    is_text = isinstance(value, dict) and _has_type(value, _TEXTS)
    return "<text>" if is_text else "<other>"


def _has_type(value: JSON, kinds: frozenset[str]) -> bool:
    kind = value.get("type")
    return isinstance(kind, str) and kind in kinds


ContentPart = Annotated[
    Annotated[TextContent, Tag("<text>")] | Annotated[OtherContent, Tag("<other>")],
    Discriminator(_part_tag),
]


class MessageItem(_ExtraAllowed):
    """A message; `type` is optional."""

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
            "reference", "this store does not resolve references; send the item itself"
        )
    return kind


class OtherItem(_ExtraAllowed):
    """An item that is not a message."""

    type: Annotated[str, Field(min_length=1), AfterValidator(_no_reference)]


def is_message(item: JSON) -> bool:
    """Whether an item, or the body of its row, is a message."""
    kind = item.get("type")
    return kind == _MESSAGE or (kind is None and ("role" in item or "content" in item))


def _item_tag(value: Any) -> str:  # noqa: ANN401 - any JSON value
    return "<message>" if isinstance(value, dict) and is_message(value) else "<item>"


ItemBody = Annotated[
    Annotated[MessageItem, Tag("<message>")] | Annotated[OtherItem, Tag("<item>")],
    Discriminator(_item_tag),
]


class ConversationCreate(MetadataChange):
    """The body that creates a conversation (`CreateConversationBody`)."""

    items: Annotated[list[ItemBody], Field(max_length=_MAX_ITEMS)] | None = None


class ItemList(BaseModel):
    """The items of an imported conversation. Their number is not limited."""

    model_config = ConfigDict(strict=True, frozen=True, defer_build=True)

    items: list[ItemBody]


class ItemsCreate(BaseModel):
    """The body that appends items to a conversation (`createConversationItems`)."""

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


def listed_conversation(row: JSON) -> JSON:
    """Return a conversation for a list, with `message_count` and `last_message_at`.

    Both are extensions of OpenAI's API. `message_count` is left out until `counting` has counted
    the messages. `last_message_at` is when items were last added, in Unix seconds; null if none
    were ever added.
    """
    count = row["message_count"]
    last_message_at = row["last_active_us"] // US if row["next_position"] > 1 else None
    counted = {} if count is None else {"message_count": count}
    return conversation_object(row) | counted | {"last_message_at": last_message_at}


def item_row(item: JSON) -> JSON:
    """Return the row of a new item, without its conversation and position.

    The `id` of `item` is ignored: like OpenAI's API, the store creates ids.
    """
    body = item_body(item)
    return {"id": new_item_id(body["type"]), "body": body}


def item_body(item: JSON) -> JSON:
    """Return the body of a validated item, as it is stored."""
    body = {name: value for name, value in item.items() if name != "id"}
    if is_message(item):
        body |= {
            "type": _MESSAGE,
            "status": item.get("status") or "completed",
            "content": _parts(item["role"], item["content"]),
        }
    return body


def item_object(row: JSON) -> JSON:
    """Return the API's object for an item.

    If the item's time is known, the object has `created_at`, in Unix seconds. OpenAI's objects have
    no such field.
    A missing status is added here and not in `item_row`, so that items that an older version of
    Backscroll stored also get one.
    """
    found = {"id": row["id"], **completed(row["body"])}
    if row.get("created_at") is not None:
        found["created_at"] = row["created_at"]
    return found


def completed(body: JSON) -> JSON:
    """Return the body of an item with the status that a response requires."""
    if body["type"] in _WITH_STATUS and body.get("status") is None:
        return {**body, "status": "completed"}
    return body


def text_content(role: str | None, text: str) -> JSON:
    """Return a text part with `text`, for a message that has the given role."""
    return {"type": "output_text" if role == "assistant" else "input_text", "text": text}


def _parts(role: str, content: str | list[JSON]) -> list[JSON]:
    if isinstance(content, str):
        content = [text_content(role, content)]
    return [{**_REQUIRED.get(part["type"], {}), **part} for part in content]
