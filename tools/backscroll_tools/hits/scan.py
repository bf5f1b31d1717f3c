"""Reads the messages of an upstream that has no search, and finds the hits among them."""

from collections.abc import Sequence
from functools import partial
from typing import Final

import anyio
from msgspec import Struct, field
from msgspec.structs import replace

from backscroll_tools.client import requests
from backscroll_tools.client.call import CallClient
from backscroll_tools.client.failures import TooManyRequestsError
from backscroll_tools.client.profiles import PAGE_ITEMS
from backscroll_tools.collections import RESPONSE, any_collection_of
from backscroll_tools.errors import ToolError
from backscroll_tools.hits.positions import ScanPosition
from backscroll_tools.hits.reader import Compared, Reader, ReadMessage
from backscroll_tools.hits.search import Search
from backscroll_tools.message_lists import has_both_ends, messages_of
from backscroll_tools.models import Order, StoppedBy
from backscroll_tools.pages.both_ends import from_both_ends
from backscroll_tools.pages.cursor import ListPosition
from backscroll_tools.pages.stop import FAILED, Stop
from backscroll_tools.pages.walk import Walk
from backscroll_tools.search.titles import thread_title
from backscroll_tools.tool import Call

UNDATED: Final = "since and until were ignored for messages without a time"
UNTITLED: Final = "the title of the thread could not be read"

_MANY: Final = 1_000_000
"""The `limit` of each `Walk`. It is never reached, because a call's other limits are lower."""


class Scan(Struct):
    """The messages that one call has read and compared with the query, in the order of reading.

    Attributes:
        call: the call.
        search: the search.
        ranks: whether the hits are ranked at the end. If so, the scan reads all messages that it
            can.
        position: the position at which the next scan continues.
        words: which messages to list; see `ScanPosition.words`.
        messages: the messages.
        found: the indexes of the hits in `messages`.
        warnings: the warnings that the page shows.
        reachable: whether a cursor can reach the messages that follow.
        ignores_after: whether the upstream ignores `after`.
        beyond: the number of messages that were read after the last hit, to show as its context.
    """

    call: Call
    search: Search
    ranks: bool
    position: ScanPosition
    words: int | None = None
    _start: ScanPosition = ScanPosition()
    messages: list[ReadMessage] = field(default_factory=list)
    found: list[int] = field(default_factory=list)
    warnings: dict[str, None] = field(default_factory=dict)
    reachable: bool = True
    ignores_after: bool = False
    beyond: int = 0
    _listed_hits: int = 0
    _of_responses: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._start = self.position
        self.words = self.position.words
        self.ignores_after = self.search.start.ignores_after

    @property
    def selects(self) -> bool:
        """Whether `words` decides which of the matching messages are listed."""
        query = self.search.query
        single = query.only_common or bool(query.literals) or len(query.words) == 1
        return not self.ranks and not single

    @property
    def order(self) -> Order:
        """The order in which messages are read."""
        return "asc" if self.search.order == "oldest" else "desc"

    @property
    def is_full(self) -> bool:
        """Whether there are as many hits as the call asked for; always False if hits are ranked."""
        return not self.ranks and self._listed_hits >= self.search.limit

    def lists(self, each: ReadMessage) -> bool:
        """Whether to list a hit. If `selects` is true, this depends on `words`."""
        if not self.selects:
            return True
        every = (1 << len(self.search.query.terms)) - 1
        return bool(each.bits & self.words) if self.words else each.bits == every

    async def run(self) -> StoppedBy:
        """Read the messages of one thread until there are enough hits. Return why the scan ends.

        Raises:
            ToolError: the upstream's failure or `deadline_exceeded`, if nothing was read yet.
        """
        stop = await self.read(self.search.thread_id, None, self.position.key)
        return self._ended(stop)

    async def read(self, thread_id: str, title: str | None, key: str) -> Stop:
        """Read the messages of a thread that follow `key`; if `key` is empty, all of them.

        If the title is None, it is requested when the thread's first message is read.
        """
        client = self.call.client
        collection = any_collection_of(client.upstream.profile, thread_id)
        begins = not key and self.order == "asc"
        if begins and title is None:
            title = await self._title(collection.describe(thread_id))
        readers = list[Reader]()

        def reader(of: CallClient, order: Order) -> Reader:
            listed = messages_of(of, collection, thread_id, ListPosition("", thread_id, order))
            readers.append(Reader(listed, self.search, thread_id, title or "", begins))
            return readers[-1]

        owner = "" if self.search.thread_id else thread_id

        def take(item: Compared, key: str, _passed: int) -> bool:
            position = ScanPosition(owner, key)
            if collection is RESPONSE and owner and self._is_repeated(item["id"], position):
                return not self.is_full
            return self._take(item["read"], position)

        walk = Walk(
            _MANY,
            self.call.bounds.requests,
            self.call.ends_at,
            self._report,
            ignores_after=self.ignores_after,
        )
        # Hits are ranked when all messages have been read, which starts with the newest.
        whole = self.ranks and not self.ignores_after and has_both_ends(collection, thread_id)
        oldest_first = partial(reader, order="asc") if whole else None
        near = reader(client, self.order)
        async with from_both_ends(client, near, oldest_first) as source:
            stop = await walk.over(source, key, take, lambda _: True)
        if stop.last and not self.is_full:
            self.position = ScanPosition(owner, stop.last)
        self.warnings |= dict.fromkeys(filter(None, [stop.warning]))
        if stop.by == "end" and self.order == "desc" and self.messages and not self.beyond:
            if title is None:
                title = await self._title(collection.describe(thread_id))
            self._add_title(readers, title)
        return stop

    async def _title(self, request: requests.Request) -> str:
        """Return the title of the thread that `request` reads; empty if this fails."""
        try:
            with anyio.CancelScope(deadline=self.call.ends_at):
                described = await self.call.client.send(request.abridged())
                return thread_title(described)
        except ToolError as error:
            if error.code in {"not_found", "upstream_retired"}:
                return ""
        self.warnings[UNTITLED] = None
        return ""

    def _add_title(self, readers: Sequence[Reader], title: str) -> None:
        """Compare the thread's first message with the query again, together with the title.

        The scan has read the newest messages first, so this is the last message that it has read.
        """
        last = self.messages[-1]
        found = (each.with_title(last.shown.id, title) for each in readers if title)
        again = next(filter(None, found), None)
        if again is None or last.thread_id != again.thread_id:
            return
        for at in self.found:
            if self.messages[at].thread_id == again.thread_id:
                self.messages[at] = replace(self.messages[at], title=title)
        at = len(self.messages) - 1
        self.messages[at] = again
        if last.shown.found:
            self.found.remove(at)
            self._listed_hits -= self.lists(last)
        if again.shown.found:
            self.found.append(at)
            self._listed_hits += self.lists(again)

    def _is_repeated(self, message_id: str, position: ScanPosition) -> bool:
        """Whether this call has already read a message as part of another response.

        A response that continues an earlier one also contains the messages of the earlier one. If
        the message is repeated, set `self.position`, so that the next scan continues after it.
        """
        if message_id not in self._of_responses:
            self._of_responses.add(message_id)
            return False
        self.position = position
        return True

    def _take(self, each: ReadMessage, position: ScanPosition) -> bool:
        """Store a message if it is needed. Return whether the next message may be needed."""
        if self.is_full:
            near = each.thread_id == self.messages[-1].thread_id
            if not near or self.beyond >= self.search.context:
                return False
            self.beyond += 1
            self.messages.append(each)
            return True
        if each.shown.found:
            self.found.append(len(self.messages))
            self._listed_hits += self.lists(each)
        if each.undated:
            self.warnings[UNDATED] = None
        self.messages.append(each)
        self.position = position
        return True

    def _ended(self, stop: Stop) -> StoppedBy:
        """Return why the scan of a single thread ends."""
        self.ignores_after = stop.ignores_after
        if self.is_full and (stop.by != "end" or self.beyond):
            return "limit"
        self.reachable = stop.reachable
        return stop.by

    def failed(self, error: ToolError) -> StoppedBy:
        """Return why the scan ends after this failure.

        Raises:
            ToolError: `error`, if neither a message nor a whole thread has been read yet.
        """
        if not self.messages and self.position == self._start:
            raise error
        if error.code == "deadline_exceeded":
            return "deadline"
        if not isinstance(error, TooManyRequestsError):
            self.warnings[FAILED] = None
        return "requests"

    async def _report(self, taken: int, _limit: int) -> None:
        """Report how many messages were read, and how many a call can read at most."""
        del taken
        if self.call.report is not None:
            most = self.call.bounds.requests * PAGE_ITEMS
            await self.call.report(min(len(self.messages), most), most)
