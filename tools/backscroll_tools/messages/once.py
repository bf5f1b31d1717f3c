"""A message written once, on an upstream that takes no notice of idempotency keys.

There a request that may have been acted on is never simply sent again. Before the write the
newest message is noted; after an unclear failure the messages behind it are searched for ours,
told by a marker in its metadata where there is room for one, else by its role and content. What
is found is the answer; what is provably absent is sent again; what cannot be told is said to be
unknown, with a key that carries the noted message, so that the same call made again, on any
replica, looks before it writes.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, cast

import anyio

from backscroll_tools.client import typed
from backscroll_tools.client.client import REMEMBERED, Client
from backscroll_tools.client.failures import ExchangeError, outcome_unknown
from backscroll_tools.client.profiles import PAGE_ITEMS
from backscroll_tools.client.requests import ID, Request
from backscroll_tools.errors import ToolError
from backscroll_tools.messages.sources import is_conversation, messages_of
from backscroll_tools.models import JSON, Message
from backscroll_tools.pages.cursor import Place
from backscroll_tools.pages.walk import Source

LOOKS_S: Final = (0.0, 0.25, 0.75, 2.0)
"""The pauses before each look for a message, in seconds: some upstreams list it late."""

SENDS: Final = 3
"""How often a message is sent at most, each but the first only after it was provably absent."""

PAGES: Final = 10
"""How many pages a search goes back, of 100 messages each."""

MARKER: Final = "backscroll_key"
"""The pair of metadata that holds a message's token."""

METADATA_PAIRS: Final = 16
"""How many pairs metadata may have (OpenAI API)."""

_BASELINE: Final = "~"
"""Stands in a key before the id of the newest message before the write."""

NOTHING: Final = "none"
"""Stands there for that id where there was no message yet."""


@dataclass(frozen=True, slots=True)
class Key:
    """An idempotency key.

    Attributes:
        token: what tells this write from any other.
        since: the newest message before the write; None where the key does not say.
        given: whether the caller passed it, so that the write may have been tried before.
    """

    token: str
    since: str | None = None
    given: bool = False

    def __str__(self) -> str:
        """Return the key as a caller passes it."""
        return self.token if self.since is None else f"{self.token}{_BASELINE}{self.since}"


def read_key(argument: str | None) -> Key:
    """Return the key of a call: the one that it passed, or a new one."""
    if argument is None:
        return Key(secrets.token_urlsafe(16))
    token, separator, since = argument.rpartition(_BASELINE)
    if separator and token and ID.fullmatch(since):
        return Key(token, since, given=True)
    return Key(argument, given=True)


@dataclass(frozen=True, slots=True)
class OneWrite:
    """One message to be written to a thread or a conversation that exists.

    Attributes:
        client: whose upstream takes no notice of idempotency keys.
        thread_id: where it goes.
        message: what it says, as `create-message` takes it.
        request: makes the request that writes a message.
        key: tells this write from any other.
    """

    client: Client
    thread_id: str
    message: JSON
    request: Callable[[JSON], Request]
    key: Key

    async def written(self) -> JSON:
        """Write the message, unless it is there, and return it.

        Raises:
            ToolError: `outcome_unknown` where it cannot be told whether it was written; else the
                failure, and it was not.
        """
        since = self.key.since or self.client.unsettled.get(self.key.token)
        tried = since is not None or (self.key.given and self._marker is not None)
        since = since or await self._newest()
        if tried and (found := await self._found(since)) is not None:
            return found
        self._remember(since)
        written = await self._sent(since)
        self.client.unsettled.pop(self.key.token, None)
        return written

    async def _sent(self, since: str) -> JSON:
        key = str(Key(self.key.token, since))
        for attempt in range(1, SENDS + 1):
            try:
                return await self.client.send(self.request(self._marked()))
            except ExchangeError as error:
                doubtful = error.code == "outcome_unknown"
                if not doubtful and (error.fate == "unsent" or not error.again):
                    raise
                if (found := await self._found_late(since, key)) is not None:
                    return found
                if doubtful and (error.fate != "answered" or not error.again):
                    raise outcome_unknown(key) from None
                if attempt == SENDS:
                    raise (outcome_unknown(key) if doubtful else error) from None
                await anyio.sleep(self.client.pause_s(attempt, error))
        raise AssertionError

    async def _found_late(self, since: str, key: str) -> JSON | None:
        """Look for the message until an upstream that lists late would have listed it.

        Raises:
            ToolError: `outcome_unknown` where nobody can look.
        """
        for pause in LOOKS_S:
            await anyio.sleep(pause)
            try:
                if (found := await self._found(since)) is not None:
                    return found
            except ToolError:
                raise outcome_unknown(key) from None
        return None

    async def _found(self, since: str) -> JSON | None:
        """Return the message, where it stands among those behind the noted one.

        Raises:
            ToolError: `outcome_unknown` where the noted one is gone, and a message like ours may
                be older than it; the failure of a read.
        """
        likely: Message | None = None
        after = ""
        for _ in range(PAGES):
            chunk = await self._newest_first.chunk(after, PAGE_ITEMS)
            for message in chunk.items:
                if self._marker is not None and self._marker.items() <= _metadata(message).items():
                    return cast("JSON", message)
                if self._marker is None and message["id"] == since:
                    return cast("JSON", likely)
                if self._marker is None and self._is_like(message):
                    likely = message
            last = chunk.last or (chunk.items[-1]["id"] if chunk.items else after)
            if chunk.has_more is False or last == after:
                break
            after = last
        if likely is not None and since != NOTHING:
            raise outcome_unknown(str(Key(self.key.token, since)))
        return cast("JSON", likely)

    async def _newest(self) -> str:
        chunk = await self._newest_first.chunk("", 1)
        return chunk.items[0]["id"] if chunk.items else NOTHING

    @property
    def _newest_first(self) -> Source[Message]:
        start = Place(tool="create-message", owner=self.thread_id, order="desc")
        return messages_of(self.client, self.thread_id, start)

    @property
    def _marker(self) -> dict[str, str] | None:
        """What tells the message from any other, where its metadata has room for it."""
        profile = self.client.upstream.profile
        if is_conversation(profile, self.thread_id) or not profile.keeps_metadata:
            return None
        if len(self.message.get("metadata", {})) >= METADATA_PAIRS:
            return None
        return {MARKER: self.key.token}

    def _marked(self) -> JSON:
        if self._marker is None:
            return self.message
        return {**self.message, "metadata": {**self.message.get("metadata", {}), **self._marker}}

    def _is_like(self, message: Message) -> bool:
        ours = typed.message({**self.message, "id": ""})
        return (message["role"], message["text"]) == (ours["role"], ours["text"])

    def _remember(self, since: str) -> None:
        unsettled = self.client.unsettled
        unsettled[self.key.token] = since
        while len(unsettled) > REMEMBERED:
            del unsettled[next(iter(unsettled))]


def _metadata(message: Message) -> JSON:
    return message.get("metadata", {})
