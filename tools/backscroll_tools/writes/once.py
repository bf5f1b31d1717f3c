"""Writes a message exactly once, on an upstream that ignores idempotency keys.

Before the write, we record the newest message of the thread. If the outcome of the write is
unclear, we search the messages after the recorded one. If the search finds our message, the write
succeeded. If not, the call fails with `outcome_unknown` and a key. A later call with that key
searches again. It writes only when the earlier request can no longer arrive. If the call names no
thread, we first create an empty thread, which can then be searched. It is harmless if that thread
is created twice.
"""

import json
from typing import Final

import anyio
from msgspec import Struct
from msgspec.structs import replace

from backscroll_tools import schemas
from backscroll_tools.client import objects, replies
from backscroll_tools.client.call import CallClient
from backscroll_tools.client.failures import ExchangeError, outcome_unknown
from backscroll_tools.client.requests import Request
from backscroll_tools.collection import WritableCollection
from backscroll_tools.collections import writable_collection_of
from backscroll_tools.errors import ToolError, invalid_arguments
from backscroll_tools.models import JSON
from backscroll_tools.writes import keys
from backscroll_tools.writes.journal import Journal, Record
from backscroll_tools.writes.keys import IdempotencyKey
from backscroll_tools.writes.lookback import Search, UndecidedError

SENDS: Final = 3
"""The maximum number of times that a message is sent. It is sent again only if it was refused."""

MARKER: Final = "backscroll_key"
"""The key in a message's metadata whose value is the token of the write."""


class OneWrite(Struct):
    """One message to write.

    Attributes:
        client: the call's client; its upstream ignores idempotency keys.
        journal: the caller's journal.
        thread: the thread to write to; empty until a new thread has been created for the message.
        message: the message in the format of the API: `role`, `content`, `attachments` and
            `metadata`.
        record: the known state of the write.
    """

    client: CallClient
    journal: Journal
    thread: str
    message: JSON
    record: Record
    _sending: bool = False

    @property
    def key(self) -> IdempotencyKey:
        """The idempotency key, which identifies the write and contains its known state."""
        return self.record.key

    async def written(self) -> JSON:
        """Write the message unless the thread already contains it, and return the raw message.

        Raises:
            ToolError: `outcome_unknown` if the message may or may not have been written. Any other
                code means that this call did not write it.
        """
        async with self.client.shared.alone(self.thread or self.key.token):
            await self._resolve()
            if self.key.message_id:
                self._check(self.key.message_digest == self._digest)
                return {"id": self.key.message_id, "role": self.message.get("role", "")}
            if (found := await self._found_earlier()) is not None:
                self._check(self._has_same_content(found))
                return self._settled(found)
            if not self.key.newest_digest:
                self._learn(newest_digest=await self._search.newest())
            return self._settled(await self._sent())

    def doubtful(self) -> bool:
        """Whether this cancelled call, or an earlier call with its key, may have written anything.

        Use this only after `written` was cancelled.
        """
        if self.client.in_doubt or not self._sending:
            return self.client.in_doubt or bool(self.key.sent_at)
        # `_sent` records a time before it sends the message. But the message was not sent, or was
        # refused, so remove the time.
        self._learn(sent_at=0)
        return False

    async def _resolve(self) -> None:
        """Look up the known state of the write, and create a thread if the write has none."""
        if self.thread and self.key.thread not in {"", self.thread}:
            raise invalid_arguments(
                "idempotency_key belongs to a message in another thread.",
                "Leave out thread_id, or idempotency_key.",
            )
        known = self.journal.known(self.thread, self.key.token)
        self.record = self.record if known is None else self.record.merged(known)
        self._remember()
        if not self.thread and not self.key.thread:
            begun = replies.created(await self.client.send(self._collection.start()))
            self._learn(thread=begun["id"], newest_digest=keys.digest(keys.NOTHING))
        self.thread = self.thread or self.key.thread

    async def _found_earlier(self) -> JSON | None:
        """Search for the message that an earlier call with the key may have written.

        Raises:
            ToolError: `outcome_unknown` if the search does not show whether the message was
                written, or if the earlier request may still arrive; other codes if a read failed.
        """
        if not self.key.sent_at:
            if not self.key.given or not (self.key.newest_digest or self._marker):
                return None
            try:
                return await self._search.found(self.key.newest_digest)
            except UndecidedError:
                raise self._unknown() from None
        if (found := await self._found_late()) is not None:
            return found
        age_s = self.record.age_s(self.client.shared.clock)
        left = self.client.upstream.profile.underway_s - age_s
        if left > 0:
            raise outcome_unknown(str(self.key), left)
        return None

    async def _sent(self) -> JSON:
        self._sending = True
        sends = 0
        while True:
            sends += 1
            self._learn_sent()
            try:
                reply = await self.client.send(self._request())
            except anyio.get_cancelled_exc_class():
                # Record the time again, because the request may have waited for other requests to
                # end. So it may have been sent later than the recorded time.
                self._learn_sent()
                raise
            except ExchangeError as error:
                if error.fate == "unknown":
                    self._learn_sent()
                    if (found := await self._found_late()) is not None:
                        return found
                    raise self._unknown() from None
                self._learn(sent_at=0)
                refused = error.fate == "refused" and error.again
                again = refused and sends < SENDS and await self.client.pauses(error, sends)
                # Search even after a refusal, because a proxy may have forwarded the request before
                # it refused it.
                if refused and (found := await self._found_or(error)) is not None:
                    return found
                if not again:
                    raise
            else:
                return await self._created(reply)

    async def _created(self, reply: JSON) -> JSON:
        """Return the created message from the reply to its request, or from the list."""
        if self._collection.returns_id:
            return replies.created(reply)
        self._sending = False  # if time runs out now, the message may have been written
        if (found := await self._found_late()) is not None:
            return found
        raise self._unknown()

    async def _found_late(self) -> JSON | None:
        """Search for the message several times, because some upstreams list messages late.

        Raises:
            ToolError: `outcome_unknown` if the last search is inconclusive.
        """
        decided = False
        for pause in self.client.upstream.profile.looks_s:
            await anyio.sleep(pause)
            try:
                found = await self._search.found(self.key.newest_digest)
            except (ToolError, UndecidedError):
                decided = False
                continue
            if found is not None:
                return found
            decided = True
        if not decided:
            raise self._unknown()
        return None

    async def _found_or(self, error: ExchangeError) -> JSON | None:
        try:
            return await self._search.found(self.key.newest_digest)
        except (ToolError, UndecidedError):
            raise error from None

    @property
    def _search(self) -> Search:
        alone = self._marker is not None
        return Search(self.client, self.thread, self._is_ours, alone, self._collection)

    @property
    def _collection(self) -> WritableCollection:
        return writable_collection_of(self.client.upstream.profile, self.thread)

    def _request(self) -> Request:
        pairs = {**self.message.get("metadata", {}), **(self._marker or {})}
        marked = {**self.message, "metadata": pairs} if pairs else self.message
        return self._collection.create_message(self.thread, marked, self.key.token)

    @property
    def _marker(self) -> dict[str, str] | None:
        """The metadata that identifies the message; None if no more metadata can be added."""
        if not self._collection.has_metadata:
            return None
        if len(self.message.get("metadata", {})) >= schemas.METADATA_PAIRS:
            return None
        return {MARKER: self.key.token}

    def _is_ours(self, raw: JSON) -> bool:
        if self._marker is not None:
            pairs = objects.message(raw).get("metadata", {})
            return pairs.get(MARKER) == self.key.token
        writer = self.journal.writer(self.thread, raw["id"])
        return writer in {None, self.key.token} and self._has_same_content(raw)

    def _has_same_content(self, raw: JSON) -> bool:
        theirs, ours = objects.message(raw), objects.message({**self.message, "id": ""})
        return (theirs["role"], theirs["text"]) == (ours["role"], ours["text"])

    @property
    def _digest(self) -> str:
        return keys.digest(json.dumps(self.message, sort_keys=True))

    @staticmethod
    def _check(same: bool) -> None:  # noqa: FBT001 - callers pass a condition
        """Refuse the call if an earlier call used its key to write another message.

        Args:
            same: whether the earlier call wrote the same message.

        Raises:
            ToolError: `invalid_arguments` if `same` is False.
        """
        if not same:
            raise ToolError(
                "invalid_arguments",
                "idempotency_key was already used with another message.",
                next_step="To write this message, call without idempotency_key.",
                retry="safe without this idempotency_key; nothing was written.",
            )

    def _settled(self, message: JSON) -> JSON:
        """Record that this message is the result of the write, and return it."""
        self._learn(message_id=message["id"], message_digest=self._digest)
        self.journal.note_writer(self.thread, message["id"], self.key.token)
        return message

    def _learn_sent(self) -> None:
        """Record the current time as the time at which the message was last sent."""
        clock = self.client.shared.clock
        sent_at, sent_by = clock.stamp()
        key = replace(self.key, sent_at=sent_at, sent_by=sent_by)
        self.record = Record(key, clock.monotonic(), dated=False)
        self._remember()

    def _learn(self, **known: str | int) -> None:
        """Update the given fields of the key, and remember the key for later calls."""
        key = replace(self.key, **known)
        self.record = replace(self.record, key=key)
        self._remember()

    def _remember(self) -> None:
        for thread in {self.thread, "" if self.key.thread else self.thread}:
            self.journal.note(thread, self.record)

    def _unknown(self) -> ToolError:
        return outcome_unknown(str(self.key))
