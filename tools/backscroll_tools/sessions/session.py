"""The items of one session: added exactly once, and read, popped and cleared."""

import copy
import json
import math
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Final

from msgspec import Struct, field

from backscroll_tools.client import requests
from backscroll_tools.client.call import CallClient
from backscroll_tools.client.client import Client
from backscroll_tools.errors import ToolError, invalid_arguments
from backscroll_tools.models import JSON, Order
from backscroll_tools.render import compact
from backscroll_tools.sessions import labels
from backscroll_tools.sessions.calls import (
    DEADLINE_S,
    NEWEST_FIRST,
    OLDEST_FIRST,
    begin,
    change,
    too_large,
    walk,
)
from backscroll_tools.sessions.labels import Labels
from backscroll_tools.writes import keys

_BATCH_ITEMS: Final = 20
"""The maximum number of items of one request (OpenAI API)."""

_BATCH_CHARS: Final = 4 * 1024 * 1024
"""The length from which a batch is closed, in characters of JSON. The store takes 32 MiB."""

_ENVELOPE_BYTES: Final = 4096
"""The size of what a reply contains beside an item, with room to spare."""

_json: Final = json.JSONEncoder(ensure_ascii=False, allow_nan=False)

_TRIES: Final = 100
"""How often a session is looked for again, or a newest item, if another program has deleted it."""

_STARTS: Final = {"asc": OLDEST_FIRST, "desc": NEWEST_FIRST}

_UNFINISHED: Final = 64
"""How many additions that have failed are remembered."""


class Session(Struct):
    """A session's conversation. It is created with the first items.

    Two programs may use the same session at the same time. Up to 20 items that are added at once
    stay together; the items of a longer addition are in order, but others may come between them.

    Attributes:
        client: a client of the embedded store.
        labels: the labels of the conversation; empty if `conversation_id` is given.
        conversation_id: the id of an existing conversation; empty to find it by its labels.
        deadline_s: the maximum duration of one operation, in seconds.
    """

    client: Client
    labels: Labels
    conversation_id: str = ""
    deadline_s: float = DEADLINE_S
    _found: str = ""
    _unfinished: dict[str, str] = field(default_factory=dict)  # tokens by digest
    _popping: JSON | None = None  # perhaps deleted by a pop that failed

    def through(self, client: Client) -> "Session":
        """Return the same session with another client; additions that failed can be continued."""
        other = copy.copy(self)
        other.client = client
        return other

    async def conversation(self) -> JSON | None:
        """Return the session's conversation with its metadata; None if it does not exist."""
        call = self._begin()
        for _ in range(_TRIES):
            at = await self._existing(call)
            if not at:
                return None
            found = await call.find(labels.conversation(at))
            if found is not None or self.conversation_id:
                return found
            self._found = ""  # deleted, and perhaps begun again
        raise _busy()

    async def items(self, limit: float = math.inf, order: Order = "asc") -> list[JSON]:
        """Return the items of the session, at most `limit`, in the given order."""
        call = self._begin()
        for _ in range(_TRIES):
            conversation_id = await self._existing(call)
            if not conversation_id:
                return []
            try:
                listing = partial(requests.list_items, conversation_id)
                return await walk(call, listing, _STARTS[order], limit)
            except ToolError as error:
                self._forget(error)
        raise _busy()

    async def add(self, items: Sequence[JSON], token: str = "") -> None:
        """Add items exactly once, in order.

        If this fails, call it again with equal items: what was written is not written again.

        Args:
            items: the items.
            token: identifies the addition, also for another `Session`; by default a random one,
                which is used again after a failure, until equal items are added.

        Raises:
            ToolError: the addition has failed. Perhaps some or all items were written.
        """
        call = self._begin()
        texts = [_as_json(item, call.shared.reply_bytes) for item in items]
        whole = keys.digest("\n".join(texts))
        # The token is taken out while it is used: an equal addition meanwhile is another one.
        used = token or self._unfinished.pop(whole, "") or keys.mint()
        self._popping = None
        is_done = False
        try:
            async with self.client.alone(f"session {compact(self.labels)} {self.conversation_id}"):
                for number, batch in enumerate(_batches(items, texts)):
                    await self._add(call, batch, f"{used}.{number}")
            is_done = True
        finally:
            if not is_done and not token:
                self._unfinished[whole] = used
                for oldest in list(self._unfinished)[:-_UNFINISHED]:
                    self._unfinished.pop(oldest, None)

    async def pop(self) -> JSON | None:
        """Delete the newest item and return it; None if the session is empty.

        If this fails, call it again before any other change: no second item is deleted.
        """
        call = self._begin()
        doubtful, self._popping = self._popping, None
        for _ in range(_TRIES):
            newest = doubtful or next(iter(await self.items(1, "desc")), None)
            if newest is None:
                return None
            item = requests.retrieve_item(await self._existing(call), newest["id"])
            is_settled = False
            try:
                is_ours = await labels.remove(call, item)
                is_settled = True
            finally:
                if not is_settled and (call.in_doubt or doubtful):
                    self._popping = newest
            if is_ours or doubtful:
                return newest
        raise _busy()

    async def remove(self, item_id: str) -> bool:
        """Delete an item, and return whether it was there."""
        call = self._begin()
        at = await self._existing(call)
        return bool(at) and await labels.remove(call, requests.retrieve_item(at, item_id))

    async def clear(self) -> None:
        """Delete all items: with the conversation, unless `conversation_id` was given."""
        call = self._begin()
        self._unfinished.clear()
        self._popping = None
        if not self.conversation_id:
            self._found = ""
            await labels.delete(call, self.labels)
            return
        for each in await self.items(order="desc"):
            await labels.remove(call, requests.retrieve_item(self.conversation_id, each["id"]))

    def _begin(self) -> CallClient:
        return begin(self.client, self.deadline_s)

    async def _existing(self, call: CallClient) -> str:
        """Return the id of the session's conversation; empty if it does not exist."""
        if not self._found:
            found = None
            if not self.conversation_id:
                found = await labels.find(call, self.labels)
            self._found = found["id"] if found else self.conversation_id
        return self._found

    async def _add(self, call: CallClient, batch: Sequence[JSON], token: str) -> None:
        """Write a batch, in a new conversation if another program has deleted the session."""
        for _ in range(_TRIES):
            at = await self._existing(call)
            if not at:
                created, _ = await labels.create(call, self.labels)
                at = self._found = created["id"]
            # The key is another one in another conversation, where the store would refuse this one.
            key = f"{token}.{keys.digest(at)}"
            try:
                await change(call, requests.create_items(at, batch, key))
            except ToolError as error:
                if error.code == "not_found" and await call.find(labels.conversation(at)):
                    return  # written by an earlier attempt, and deleted since
                self._forget(error)
            else:
                return
        raise _busy()

    def _forget(self, error: ToolError) -> None:
        """Look for the conversation again after `not_found`; otherwise raise the error."""
        if error.code != "not_found" or self.conversation_id:
            raise error from None
        self._found = ""


def _as_json(item: JSON, reply_bytes: float) -> str:
    """Return an item as JSON.

    Raises:
        ToolError: `invalid_arguments` if it is not JSON, or is too large to be read back.
    """
    try:
        text = _json.encode(item)
    except (TypeError, ValueError, RecursionError) as error:
        message = f"What is added to the session is not JSON: {error}."
        raise invalid_arguments(message) from error
    if len(text.encode(errors="surrogatepass")) + _ENVELOPE_BYTES > reply_bytes:
        raise too_large(reply_bytes)
    return text


def _batches(items: Sequence[JSON], texts: Sequence[str]) -> Iterator[Sequence[JSON]]:
    """Yield the items, which are `texts` as JSON, in batches that one request can contain."""
    batch: list[JSON] = []
    chars = 0
    for item, text in zip(items, texts, strict=True):
        if len(batch) == _BATCH_ITEMS or (batch and chars + len(text) > _BATCH_CHARS):
            yield batch
            batch, chars = [], 0
        batch.append(item)
        chars += len(text)
    if batch:
        yield batch


def _busy() -> ToolError:
    return ToolError(
        "thread_busy",
        f"Other programs have deleted the session, or its newest item, {_TRIES} times meanwhile.",
        next_step="Call again.",
    )
