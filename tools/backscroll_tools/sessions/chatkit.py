"""A store of ChatKit."""

from collections.abc import Callable, Iterable
from typing import Final, Generic, TypeVar

from msgspec.structs import replace
from pydantic import TypeAdapter

from backscroll_tools.client import requests
from backscroll_tools.client.call import CallClient
from backscroll_tools.client.client import Client
from backscroll_tools.models import JSON
from backscroll_tools.schemas import METADATA_VALUE_CHARS
from backscroll_tools.sessions import labels
from backscroll_tools.sessions.calls import (
    DEADLINE_S,
    NEWEST_FIRST,
    OLDEST_FIRST,
    begin,
    change,
    walk,
)
from backscroll_tools.sessions.chatkit_items import StoredItem, conversation_items, stored_items
from backscroll_tools.sessions.frameworks import needs
from backscroll_tools.sessions.labels import Labels, labels_of
from backscroll_tools.sessions.metadata_json import gathered, spread
from backscroll_tools.sessions.opened import Sessions
from backscroll_tools.sessions.session import Session
from backscroll_tools.sessions.values import Values
from backscroll_tools.writes.metadata import modification

with needs("openai-chatkit"):
    from chatkit.store import NotFoundError, Store
    from chatkit.types import Attachment, Page, ThreadItem, ThreadMetadata

_FRAMEWORK: Final = "chatkit"
_ATTACHMENTS: Final = "chatkit_attachments"
"""The framework in the labels of the attachments."""

_TITLE: Final = "title"

_ATTACHMENT: Final[TypeAdapter[Attachment]] = TypeAdapter(Attachment)

ContextT = TypeVar("ContextT")
RowT = TypeVar("RowT", ThreadMetadata, ThreadItem)


class BackscrollStore(Store[ContextT], Generic[ContextT]):
    """A store that keeps threads, their items and attachments in the embedded store.

    A thread is a conversation. Messages, and calls of client tools with their outputs, are items
    that every tool shows. Items of any other kind are kept too, but only ChatKit reads them. All
    items come back as they were saved. A message that another program has added is returned as
    text.

    Items are ordered by `created_at`. A conversation's items cannot be changed, so `save_item` adds
    the new version and then deletes the old one; each page is chosen from all items of the thread.
    The metadata of a thread is kept in the metadata of the conversation, which has room for 5,632
    characters of JSON.

    If a method that writes fails, call it again with equal arguments: nothing is written twice.

    Args:
        client: a client of the embedded store.
        user_of: returns the user of a request's context, 1 to 512 characters. A user sees only
            their own threads and attachments. By default, all threads belong to everybody.
        deadline_s: the maximum duration of one operation, in seconds.
    """

    def __init__(
        self,
        client: Client,
        user_of: Callable[[ContextT], str] | None = None,
        deadline_s: float = DEADLINE_S,
    ) -> None:
        self._client = client
        self._user_of = user_of
        self._deadline_s = deadline_s
        self._sessions = Sessions(client, _FRAMEWORK, deadline_s)

    async def load_thread(self, thread_id: str, context: ContextT) -> ThreadMetadata:
        """Return a thread. Raises `NotFoundError` if it does not exist."""
        return _thread(await self._found(thread_id, context))

    async def save_thread(self, thread: ThreadMetadata, context: ContextT) -> None:
        """Create or change a thread. Raises `ToolError` if its metadata is too long."""
        named = self._labels(thread.id, context)
        title = {_TITLE: thread.title[:METADATA_VALUE_CHARS]} if thread.title else {}
        # `Thread`, with items, is also passed here.
        fields = set(ThreadMetadata.model_fields)
        metadata = {**spread(thread.model_dump(mode="json", include=fields)), **title}
        client = self._begin()
        found = await self._session(thread.id, context).conversation()
        if found is None:
            found, is_new = await labels.create(client, named, metadata=metadata)
            if is_new:
                return
        changed = modification(labels.conversation(found["id"]), {**named, **metadata})
        await change(client, changed)

    async def load_threads(
        self, limit: int, after: str | None, order: str, context: ContextT
    ) -> Page[ThreadMetadata]:
        """Return a page of threads, ordered by creation. `after` is the id of a thread."""
        start = replace(
            NEWEST_FIRST if order == "desc" else OLDEST_FIRST,
            after=(await self._found(after, context))["id"] if after else "",
        )
        window = labels.with_labels(labels_of(_FRAMEWORK, **self._user(context)), start)
        found = await walk(self._begin(), requests.list_conversations, window, limit + 1)
        return _page([_thread(each) for each in found], limit)

    async def delete_thread(self, thread_id: str, context: ContextT) -> None:
        """Delete a thread and its items, if it exists."""
        await self._session(thread_id, context).clear()

    async def load_thread_items(
        self, thread_id: str, after: str | None, limit: int, order: str, context: ContextT
    ) -> Page[ThreadItem]:
        """Return a page of a thread's items, ordered by `created_at`. `after` is an item's id."""
        found = [each.item for each in (await self._items(thread_id, context)).values()]
        if order == "desc":
            found.reverse()
        if after:
            ids = [each.id for each in found]
            if after not in ids:
                raise NotFoundError(f"Item {after} not found.")
            found = found[ids.index(after) + 1 :]
        return _page(found, limit)

    async def add_thread_item(self, thread_id: str, item: ThreadItem, context: ContextT) -> None:
        """Add an item to a thread. Raises `NotFoundError` if the thread does not exist."""
        await self._found(thread_id, context)
        session = self._session(thread_id, context)
        await session.add(conversation_items(item))

    async def save_item(self, thread_id: str, item: ThreadItem, context: ContextT) -> None:
        """Add an item, or replace the one with its id, which keeps its place."""
        await self.add_thread_item(thread_id, item, context)
        found = (await self._items(thread_id, context)).get(item.id)
        await self._remove(thread_id, found.outdated if found else (), context)

    async def load_item(self, thread_id: str, item_id: str, context: ContextT) -> ThreadItem:
        """Return an item. Raises `NotFoundError` if it does not exist."""
        found = (await self._items(thread_id, context)).get(item_id)
        if found is None:
            raise NotFoundError(f"Item {item_id} not found.")
        return found.item

    async def delete_thread_item(self, thread_id: str, item_id: str, context: ContextT) -> None:
        """Delete an item, if it exists."""
        found = (await self._items(thread_id, context)).get(item_id)
        ids = [*found.outdated, *found.ids] if found else ()
        await self._remove(thread_id, ids, context)

    async def save_attachment(self, attachment: Attachment, context: ContextT) -> None:
        """Add or replace the description of an attachment; its content is kept elsewhere."""
        described = _ATTACHMENT.dump_python(attachment, mode="json")
        await self._attachments(context).update({attachment.id: described})

    async def load_attachment(self, attachment_id: str, context: ContextT) -> Attachment:
        """Return the description of an attachment. Raises `NotFoundError` if it does not exist."""
        found = await self._attachments(context).get(attachment_id)
        if found is None:
            raise NotFoundError(f"Attachment {attachment_id} not found.")
        return _ATTACHMENT.validate_python(found)

    async def delete_attachment(self, attachment_id: str, context: ContextT) -> None:
        """Delete the description of an attachment, if it exists."""
        await self._attachments(context).remove(attachment_id)

    def _begin(self) -> CallClient:
        return begin(self._client, self._deadline_s)

    def _user(self, context: ContextT) -> dict[str, str]:
        return {labels.USER: self._user_of(context)} if self._user_of else {}

    def _labels(self, thread_id: str, context: ContextT) -> Labels:
        return labels_of(_FRAMEWORK, session=thread_id, **self._user(context))

    def _session(self, thread_id: str, context: ContextT) -> Session:
        return self._sessions.labelled(self._labels(thread_id, context))

    def _attachments(self, context: ContextT) -> Values:
        return Values(self._sessions.labelled(labels_of(_ATTACHMENTS, **self._user(context))))

    async def _found(self, thread_id: str, context: ContextT) -> JSON:
        found = await self._session(thread_id, context).conversation()
        if found is None:
            raise NotFoundError(f"Thread {thread_id} not found.")
        return found

    async def _items(self, thread_id: str, context: ContextT) -> dict[str, StoredItem]:
        """Return the items of a thread by their ids, in order."""
        await self._found(thread_id, context)
        session = self._session(thread_id, context)
        return stored_items(thread_id, await session.items())

    async def _remove(self, thread_id: str, ids: Iterable[str], context: ContextT) -> None:
        session = self._session(thread_id, context)
        for each in ids:
            await session.remove(each)


def _thread(conversation: JSON) -> ThreadMetadata:
    metadata = conversation["metadata"]
    thread: ThreadMetadata = ThreadMetadata.model_validate(
        gathered(metadata)
        or {
            "id": metadata[labels.NAME],
            "title": metadata.get(_TITLE),
            "created_at": conversation["created_at"],
        }
    )
    return thread


def _page(found: list[RowT], limit: int) -> Page[RowT]:
    data = found[:limit]
    return Page(data=data, has_more=len(found) > limit, after=data[-1].id if data else None)
