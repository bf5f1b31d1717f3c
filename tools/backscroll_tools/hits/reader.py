"""Compares messages with a query one by one, and computes the values by which hits are ranked."""

from collections import Counter
from collections.abc import Iterable
from typing import Final

import anyio
from msgspec import Struct, field

from backscroll_tools.hits.passages import Shown, as_context, as_hit
from backscroll_tools.hits.search import Search
from backscroll_tools.models import Message
from backscroll_tools.pages.source import Chunk, Source
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


class Reader(Struct):
    """A thread's list of messages. Each message that is read is also compared with the query.

    Attributes:
        inner: the list.
        search: the search.
        thread_id: the thread's id.
        title: the thread's title; may be empty.
        begins: whether the list starts with the thread's first message. If so, this message is
            compared together with the title.
        last: the last message that was read, preceded by its key; None if no message was read yet.
        messages: the messages that were read, by id, until the scan removes them.
    """

    inner: Source[Message]
    search: Search
    thread_id: str
    title: str = ""
    begins: bool = False
    last: tuple[str, Message] | None = None
    messages: dict[str, ReadMessage] = field(default_factory=dict)

    async def chunk(self, after: str, limit: int) -> Chunk[Message]:
        """Return the next messages of `inner`, and add each to `messages`."""
        chunk = await self.inner.chunk(after, limit)
        self.last = chunk.keyed[-1] if chunk.items else self.last
        if sum(len(message["text"]) for message in chunk.items) > _LONG_CHARS:
            found = await anyio.to_thread.run_sync(self._all_compared, chunk)
        else:
            found = self._all_compared(chunk)
        self.messages |= found
        return chunk

    def last_with_title(self, message_id: str) -> ReadMessage | None:
        """Compare the query again with the last message read, this time including the title.

        Return None if the id of the last message is not `message_id`.
        """
        if self.last is None or self.last[1]["id"] != message_id:
            return None
        return self._compared(*self.last, self.title)

    async def item(self, key: str, /) -> Message | None:
        """Return one message by its key, or None if it was deleted."""
        return await self.inner.item(key)

    def _all_compared(self, chunk: Chunk[Message]) -> dict[str, ReadMessage]:
        found = {}
        for key, message in chunk.keyed:
            first, self.begins = self.begins, False
            found[message["id"]] = self._compared(key, message, self.title if first else "")
        return found

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
