"""Searches a thread for a message that an earlier request may have written.

The message is recognised by a marker in its metadata. If the message could not be given a marker,
it is recognised by its role and text, but only among messages that were added since the write
began.
"""

from collections.abc import Callable
from typing import Final

from msgspec import Struct

from backscroll_tools.client.call import CallClient
from backscroll_tools.client.profiles import PAGE_ITEMS
from backscroll_tools.client.replies import Reply
from backscroll_tools.client.requests import Slice
from backscroll_tools.collection import Collection
from backscroll_tools.collections import writable_collection_of
from backscroll_tools.lookup import last_of
from backscroll_tools.models import JSON
from backscroll_tools.writes import keys

PAGES: Final = 10
"""The maximum number of pages that a search reads: one of 20 messages, then pages of 100."""

_FIRST_LOOK: Final = 20
"""The number of messages on the first page of a search."""


class UndecidedError(Exception):
    """The upstream's list does not show whether the message was written."""


class Search(Struct, frozen=True):
    """A search for one message among the newest messages of a thread or a conversation.

    Attributes:
        client: sends the requests.
        thread: the id of the thread or conversation.
        is_ours: returns whether a message, in the upstream's format, may be the message to find.
        alone: whether `is_ours` accepts only the message to find. If so, messages that are older
            than the write are searched too.
        collection: the kind of collection to search. By default, the id in `thread` determines it.
    """

    client: CallClient
    thread: str
    is_ours: Callable[[JSON], bool]
    alone: bool
    collection: Collection | None = None

    async def newest(self) -> str:
        """Return the digest of the newest message's id, or of `keys.NOTHING` in an empty thread.

        Raises:
            ToolError: the read failed.
        """
        items = (await self._listed("", 1)).items
        return keys.digest(items[0]["id"] if items else keys.NOTHING)

    async def found(self, newest_digest: str) -> JSON | None:
        """Return the message, or None if the thread does not contain it.

        Args:
            newest_digest: the digest of the id of the message that was the newest one before the
                write; empty if unknown.

        Raises:
            UndecidedError: the search does not show whether the thread contains the message.
            ToolError: a read failed.
        """
        candidate: JSON | None = None
        after, limit = "", _FIRST_LOOK
        for _ in range(PAGES):
            reply = await self._listed(after, limit)
            digests = [keys.digest(raw["id"]) for raw in reply.items]
            is_seen = newest_digest in digests
            newer = reply.items[: digests.index(newest_digest)] if is_seen else reply.items
            ours = [raw for raw in (reply.items if self.alone else newer) if self.is_ours(raw)]
            if ours and self.alone:
                return ours[0]
            candidate = ours[-1] if ours else candidate
            if reply.warning and newest_digest:
                raise UndecidedError  # the message may be missing from this list
            if is_seen:
                return candidate
            if reply.has_more is False:
                # The message that was newest before the write has been deleted. So the candidate
                # may be older than the write.
                if candidate is not None and newest_digest != keys.digest(keys.NOTHING):
                    raise UndecidedError
                return candidate
            next_after = last_of(reply, after)
            if next_after == after:
                break
            after, limit = next_after, PAGE_ITEMS
        if newest_digest:
            raise UndecidedError
        return None

    async def _listed(self, after: str, limit: int) -> Reply:
        window = Slice(limit, "desc", after)
        return await self.client.page(self._collection.list_messages(self.thread, window))

    @property
    def _collection(self) -> Collection:
        return self.collection or writable_collection_of(self.client.upstream.profile, self.thread)
