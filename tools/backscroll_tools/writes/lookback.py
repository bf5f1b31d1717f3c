"""Searches a thread for a message that may have been written.

The message is recognised by a marker in its metadata. If it has no marker, it is recognised by its
role and text, but only among the messages that were added since the write began.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from backscroll_tools.client.call import CallClient
from backscroll_tools.client.profiles import PAGE_ITEMS
from backscroll_tools.client.replies import Reply
from backscroll_tools.client.requests import Slice
from backscroll_tools.collections import Collection, collection_of
from backscroll_tools.models import JSON
from backscroll_tools.writes import keys

PAGES: Final = 10
"""The maximum number of pages that a search reads: one of 20 messages, then pages of 100."""

_FIRST_LOOK: Final = 20
"""The number of messages on the first page of a search."""


class UntoldError(Exception):
    """The upstream's list does not show whether the message was written."""


@dataclass(frozen=True, slots=True)
class Search:
    """A search through the newest messages of a thread or a conversation.

    Attributes:
        client: sends the requests.
        thread: the id of the thread or conversation.
        is_ours: returns whether a message, as the upstream sends it, is the one to find.
        alone: whether `is_ours` matches only that message. If so, older messages are searched too.
    """

    client: CallClient
    thread: str
    is_ours: Callable[[JSON], bool]
    alone: bool

    async def newest(self) -> str:
        """Return the digest of the id of the newest message, or of `keys.NOTHING` if there is none.

        Raises:
            ToolError: the read failed.
        """
        items = (await self._listed("", 1)).items
        return keys.digest(items[0]["id"] if items else keys.NOTHING)

    async def found(self, newest_digest: str) -> JSON | None:
        """Return the message, or None if it is not there.

        Args:
            newest_digest: the digest of the newest message's id before the write; empty if unknown.

        Raises:
            UntoldError: the search could not decide.
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
                raise UntoldError  # the message may be missing from this list
            if is_seen:
                return candidate
            if reply.has_more is False:
                # The newest message was deleted since, so the candidate may be older than it.
                if candidate is not None and newest_digest != keys.digest(keys.NOTHING):
                    raise UntoldError
                return candidate
            next_after = self._collection.next_after(reply, after)
            if next_after == after:
                break
            after, limit = next_after, PAGE_ITEMS
        if newest_digest:
            raise UntoldError
        return None

    async def _listed(self, after: str, limit: int) -> Reply:
        window = Slice(limit, "desc", after)
        return await self.client.page(self._collection.list_messages(self.thread, window))

    @property
    def _collection(self) -> Collection:
        return collection_of(self.client.upstream.profile, self.thread)
