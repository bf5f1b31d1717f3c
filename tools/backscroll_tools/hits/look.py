"""Compares messages with a query one by one, and computes the values that rank them."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

import anyio

from backscroll_tools.hits.asked import Asked
from backscroll_tools.hits.passages import Shown, as_context, as_hit
from backscroll_tools.models import Message
from backscroll_tools.pages.source import Chunk, Source
from backscroll_tools.search.folding import fold
from backscroll_tools.search.match import bits, holds
from backscroll_tools.search.tokenizer import tokens

TOOL_ROLES: Final = frozenset({"tool", "function"})
"""The roles of messages that are never hits, because tools wrote them. The store's index does not
contain such messages either."""

_LONG_CHARS: Final = 200_000
"""If the messages of a chunk have more characters than this in total, they are compared in a worker
thread. Comparing them takes about 20 ms, and without the thread other calls would have to wait."""


@dataclass(frozen=True, slots=True)
class Looked:
    """A message that was compared with the query.

    Attributes:
        thread_id: the id of the message's thread.
        title: the title of that thread; may be empty.
        key: the message's key in the list of messages.
        shown: the part of the message to show; `shown.found` is whether the message is a hit.
        bits: a bit mask of the query's words that the message contains; see `search.match.bits`.
        length: the message's number of words.
        exact: whether the message contains one of the query's identifiers as written.
        undated: whether the message is a hit without a time, although the search has a period.
    """

    thread_id: str
    title: str
    key: str
    shown: Shown
    bits: int
    length: int
    exact: bool
    undated: bool


@dataclass(slots=True)
class Reader:
    """A thread's list of messages. Each message that is read is also compared with the query.

    Attributes:
        inner: the list.
        asked: the search.
        thread_id: the thread's id.
        title: the thread's title; may be empty.
        looked: the messages that were read, by id, until the scan removes them.
    """

    inner: Source[Message]
    asked: Asked
    thread_id: str
    title: str = ""
    looked: dict[str, Looked] = field(default_factory=dict)

    async def chunk(self, after: str, limit: int) -> Chunk[Message]:
        """Return the next messages of `inner`, and add each to `looked`."""
        chunk = await self.inner.chunk(after, limit)
        if sum(len(message["text"]) for message in chunk.items) > _LONG_CHARS:
            found = await anyio.to_thread.run_sync(self._look_at, chunk)
        else:
            found = self._look_at(chunk)
        self.looked |= found
        return chunk

    async def item(self, key: str, /) -> Message | None:
        """Return one message by its key, or None if it was deleted."""
        return await self.inner.item(key)

    def _look_at(self, chunk: Chunk[Message]) -> dict[str, Looked]:
        return {message["id"]: self._looked(key, message) for key, message in chunk.keyed}

    def _looked(self, key: str, message: Message) -> Looked:
        asked, query, text = self.asked, self.asked.query, message["text"]
        told = tokens(text)
        terms = frozenset(told.terms)
        at = message.get("created_at")
        undated = bool(asked.period) and at is None
        wanted = (
            message["role"] not in TOOL_ROLES
            and asked.role in {"", message["role"]}
            and (not asked.period or at is None or at in asked.period)
        )
        folded = fold(text) if wanted else ""
        found = wanted and holds(query, terms, folded)
        exact = found and any(each.occurs(folded) for each in query.identifiers)
        return Looked(
            self.thread_id,
            self.title,
            key,
            as_hit(message, query) if found else as_context(message),
            bits(query.terms, terms),
            told.length,
            exact,
            undated and found,
        )


def counted(looked: Iterable[Looked], terms: int) -> list[int]:
    """Return how many messages contain each of the query's words, in the order of their bits.

    Args:
        looked: the messages.
        terms: the number of the query's words.
    """
    by_bits = Counter(each.bits for each in looked)
    return [
        sum(count for found, count in by_bits.items() if found >> place & 1)
        for place in range(terms)
    ]
