"""Items of ChatKit's threads as items of conversations, and back."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

from msgspec import Struct, field
from pydantic import TypeAdapter

from backscroll_tools.client.items import is_message
from backscroll_tools.models import JSON
from backscroll_tools.render import compact
from backscroll_tools.sessions import kept
from backscroll_tools.sessions.frameworks import needs

with needs("openai-chatkit"):
    from chatkit.types import (
        AssistantMessageContent,
        AssistantMessageItem,
        ClientToolCallItem,
        InferenceOptions,
        ThreadItem,
        UserMessageItem,
        UserMessageTextContent,
        WidgetItem,
    )

_FRAMEWORK: Final = "chatkit"
_ITEM: Final[TypeAdapter[ThreadItem]] = TypeAdapter(ThreadItem)


class StoredItem(Struct):
    """An item of a thread.

    Attributes:
        item: the newest version of the item.
        ids: the ids of the conversation's items that contain it.
        outdated: the ids of those that contain earlier versions.
    """

    item: ThreadItem
    ids: list[str] = field(default_factory=list)
    outdated: list[str] = field(default_factory=list)


def conversation_items(item: ThreadItem) -> list[JSON]:
    """Return the items of a conversation for an item of a thread."""
    original = _ITEM.dump_python(item, mode="json")
    return kept.kept(_FRAMEWORK, original, _readable(item))


def stored_items(thread_id: str, items: Iterable[JSON]) -> dict[str, StoredItem]:
    """Return the items of a thread by their ids, ordered by `created_at`.

    Args:
        thread_id: the id of the thread.
        items: the items of its conversation, in order.
    """
    found: dict[str, StoredItem] = {}
    current: StoredItem | None = None
    for each in items:
        if kept.is_continued(_FRAMEWORK, each):
            if current is not None:
                current.ids.append(each["id"])
            continue
        original = kept.original_of(_FRAMEWORK, each)
        if original is not None:
            item = _ITEM.validate_python(original)
        elif is_message(each) and kept.text_of(each):
            item = _other(thread_id, each)
        else:
            continue
        earlier = found.get(item.id)
        outdated = [*earlier.outdated, *earlier.ids] if earlier else []
        current = found[item.id] = StoredItem(item, [each["id"]], outdated)
    # A time without a zone is one of this machine.
    ordered = sorted(found.items(), key=lambda pair: pair[1].item.created_at.timestamp())
    return dict(ordered)


def _other(thread_id: str, item: JSON) -> ThreadItem:
    """Return the message that another program has added."""
    at = datetime.fromtimestamp(item["created_at"], UTC)
    text = kept.text_of(item)
    if item["role"] == "user":
        return UserMessageItem(
            id=item["id"],
            thread_id=thread_id,
            created_at=at,
            content=[UserMessageTextContent(text=text)],
            inference_options=InferenceOptions(),
        )
    return AssistantMessageItem(
        id=item["id"],
        thread_id=thread_id,
        created_at=at,
        content=[AssistantMessageContent(text=text)],
    )


def _readable(item: ThreadItem) -> list[JSON]:
    match item:
        case UserMessageItem():
            return kept.message("user", *(part.text for part in item.content))
        case AssistantMessageItem():
            return kept.message("assistant", *(part.text for part in item.content))
        case WidgetItem():
            return kept.message("assistant", item.copy_text or "")
        case ClientToolCallItem():
            asked = kept.call(item.name, compact(item.arguments), item.call_id)
            if item.status == "pending":
                return [asked]
            text = item.output if isinstance(item.output, str) else compact(item.output)
            return [asked, kept.output(text, item.call_id)]
        case _:
            return []
