"""The search for a message that may have been written: there, not there, or not to be told.

A message is told from others by a marker in its metadata, or else by its role and content, among
those behind the one that was the newest before it was written.
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
"""How many pages a search goes back, of 100 messages each but for the first."""

_FIRST_LOOK: Final = 20
"""How many of the newest messages are looked at first."""


class UntoldError(Exception):
    """What the upstream lists does not tell whether the message is there."""


@dataclass(frozen=True, slots=True)
class Search:
    """A search through the newest messages of a thread or a conversation.

    Attributes:
        client: asks the upstream.
        thread: where to look.
        is_ours: whether a message, as the upstream has it, is the one.
        alone: whether no other message can pass for it, wherever it stands.
    """

    client: CallClient
    thread: str
    is_ours: Callable[[JSON], bool]
    alone: bool

    async def newest(self) -> str:
        """Return the mark of the newest message or item.

        Raises:
            ToolError: the failure of the read.
        """
        items = (await self._listed("", 1)).items
        return keys.mark(items[0]["id"] if items else keys.NOTHING)

    async def found(self, since: str) -> JSON | None:
        """Return the message, or None where it is not there.

        Args:
            since: the mark of the newest message before it; empty where that is not known.

        Raises:
            UntoldError: neither can be told.
            ToolError: the failure of a read.
        """
        likely: JSON | None = None
        after, limit = "", _FIRST_LOOK
        for _ in range(PAGES):
            reply = await self._listed(after, limit)
            marks = [keys.mark(raw["id"]) for raw in reply.items]
            behind = reply.items[: marks.index(since)] if since in marks else reply.items
            ours = [raw for raw in (reply.items if self.alone else behind) if self.is_ours(raw)]
            if ours and self.alone:
                return ours[0]
            likely = ours[-1] if ours else likely
            if reply.warning and since:
                raise UntoldError  # what is missing or in disorder proves nothing
            if since in marks:
                return likely
            if reply.has_more is False:
                # Where the noted message is gone, what is like ours may be older than it.
                if likely is not None and since != keys.mark(keys.NOTHING):
                    raise UntoldError
                return likely
            onward = self._collection.onward(reply, after)
            if onward == after:
                break
            after, limit = onward, PAGE_ITEMS
        if since:
            raise UntoldError
        return None

    async def _listed(self, after: str, limit: int) -> Reply:
        window = Slice(limit, "desc", after)
        return await self.client.page(self._collection.list_messages(self.thread, window))

    @property
    def _collection(self) -> Collection:
        return collection_of(self.client.upstream.profile, self.thread)
