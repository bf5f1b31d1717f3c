"""Compares messages with a query one by one, and computes the values by which hits are ranked."""

from collections import Counter
from collections.abc import Iterable
from typing import Final, TypedDict

import anyio
from msgspec import Struct

from backscroll_tools.hits.passages import Shown, as_context, as_hit
from backscroll_tools.hits.search import Search
from backscroll_tools.models import Message
from backscroll_tools.pages.source import Chunk, Chunks
from backscroll_tools.search.folding import fold
from backscroll_tools.search.match import bits, matches
from backscroll_tools.search.titles import titled
from backscroll_tools.search.tokenizer import tokens

TOOL_ROLES: Final = frozenset({"tool", "function"})
"""The roles of messages whose text is not searched, because tools wrote it. By default, the index
of the embedded store does not contain such text either."""

_LONG_CHARS: Final = 200_000
"""If the messages of a chunk have more characters than this in total, they are compared in a worker
thread, so that other calls do not have to wait."""


class ReadMessage(Struct, frozen=True):
    """A message that was compared with the query.

    Attributes:
        thread_id: the id of the message's thread.
        title: the title of that thread; may be empty.
        key: the message's key in the list of messages.
        shown: the part of the message to show; `shown.found` is whether the message is a hit.
        bits: a bit mask of the query's words that the message contains; see `search.match.bits`.
        length: the message's number of words.
        exact: whether the message contains an identifier of the query (such as `foo/bar.py`) as
            written.
        undated: whether the message is a hit although it has no time to compare with the search's
            period; False if the search has no period.
    """

    thread_id: str
    title: str
    key: str
    shown: Shown
    bits: int
    length: int
    exact: bool
    undated: bool


class Compared(TypedDict):
    """A message that a `Reader` has read.

    Attributes:
        id: the message's id.
        read: the message, compared with the query.
    """

    id: str
    read: ReadMessage


class Reader(Struct):
    """A thread's list of messages, each compared with the query.

    Attributes:
        inner: the list.
        search: the search.
        thread_id: the thread's id.
        title: the thread's title; may be empty.
        begins: whether the list starts with the thread's first message. If so, this message is
            compared together with the title.
        first: the first message that was read, preceded by its key; None if none was read.
        last: the last message that was read, preceded by its key; None if none was read.
    """

    inner: Chunks[Message]
    search: Search
    thread_id: str
    title: str = ""
    begins: bool = False
    first: tuple[str, Message] | None = None
    last: tuple[str, Message] | None = None

    async def chunk(self, after: str, limit: int) -> Chunk[Compared]:
        """Return the next messages of `inner`."""
        chunk = await self.inner.chunk(after, limit)
        if chunk.items:
            self.first, self.last = self.first or chunk.keyed[0], chunk.keyed[-1]
        if sum(len(message["text"]) for message in chunk.items) > _LONG_CHARS:
            return await anyio.to_thread.run_sync(self._all_compared, chunk)
        return self._all_compared(chunk)

    def with_title(self, message_id: str, title: str) -> ReadMessage | None:
        """Compare the query again with the first or the last message read, including the title.

        Return None if neither has this id.
        """
        self.title = title
        for key, message in filter(None, (self.first, self.last)):
            if message["id"] == message_id:
                return self._compared(key, message, title)
        return None

    def _all_compared(self, chunk: Chunk[Message]) -> Chunk[Compared]:
        found = list[Compared]()
        for key, message in chunk.keyed:
            first, self.begins = self.begins, False
            read = self._compared(key, message, self.title if first else "")
            found.append({"id": message["id"], "read": read})
        return chunk.with_items(tuple(found))

    def _compared(self, key: str, message: Message, title: str = "") -> ReadMessage:
        search, query = self.search, self.search.query
        if message["role"] in TOOL_ROLES and title:
            message = {**message, "text": ""}
        text = titled(message["text"], title)
        tokenized = tokens(text)
        terms = frozenset(tokenized.terms)
        at = message.get("created_at")
        undated = bool(search.period) and at is None
        wanted = (
            (title or message["role"] not in TOOL_ROLES)
            and search.role in {"", message["role"]}
            and (not search.period or at is None or at in search.period)
        )
        folded = fold(text) if wanted else ""
        found = bool(wanted) and matches(query, terms, folded)
        exact = found and any(each.occurs(folded) for each in query.identifiers)
        return ReadMessage(
            self.thread_id,
            self.title,
            key,
            as_hit(message, query) if found else as_context(message),
            bits(query.terms, terms),
            tokenized.length,
            exact,
            undated and found,
        )


def frequencies(messages: Iterable[ReadMessage], terms: int) -> list[int]:
    """Return how many messages contain each of the query's words, in the order of their bits.

    Args:
        messages: the messages.
        terms: the number of the query's words.
    """
    by_bits = Counter(each.bits for each in messages)
    return [
        sum(count for found, count in by_bits.items() if found >> bit & 1) for bit in range(terms)
    ]
