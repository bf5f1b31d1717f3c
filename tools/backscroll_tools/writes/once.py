"""A message written once, on an upstream that takes no notice of idempotency keys.

There a request that may have been acted on is never sent again as long as it may be on its way.
Before the write the newest message is noted; after an unclear failure the message is searched for
behind it. What is found is the answer; where it is not, the outcome is unknown, and the key that
the error names makes the same call look first, and write only what by then cannot arrive any more.
A new thread is begun empty, which does no harm twice, so that there is a place to search.
"""

import json
from dataclasses import dataclass, replace
from typing import Final

import anyio

from backscroll_tools.client import objects, replies
from backscroll_tools.client.call import CallClient
from backscroll_tools.client.failures import ExchangeError, outcome_unknown
from backscroll_tools.client.requests import Request
from backscroll_tools.collections import WritableCollection, collection_of
from backscroll_tools.errors import ToolError, invalid_arguments
from backscroll_tools.models import JSON
from backscroll_tools.writes import keys
from backscroll_tools.writes.journal import Journal, Record
from backscroll_tools.writes.keys import IdempotencyKey
from backscroll_tools.writes.lookback import Search, UntoldError

SENDS: Final = 3
"""How often a message is sent at most, each but the first only after it was refused."""

MARKER: Final = "backscroll_key"
"""The pair of metadata that holds a message's token."""

METADATA_PAIRS: Final = 16
"""How many pairs metadata may have (OpenAI API)."""


@dataclass(slots=True)
class OneWrite:
    """One message to be written.

    Attributes:
        client: of the call; its upstream takes no notice of idempotency keys.
        journal: of the caller.
        thread: where it goes; empty until a new thread has been begun for it.
        message: what it says, as `create-message` takes it.
        record: what is known of the write.
    """

    client: CallClient
    journal: Journal
    thread: str
    message: JSON
    record: Record
    _sending: bool = False

    @property
    def key(self) -> IdempotencyKey:
        """Tells this write from any other, and carries what is known of it."""
        return self.record.key

    async def written(self) -> JSON:
        """Write the message, unless it is there, and return it as the upstream has it.

        Raises:
            ToolError: `outcome_unknown` where it cannot be told whether it was written; else the
                failure, and this call did not write it.
        """
        async with self.client.shared.alone(self.thread or self.key.token):
            await self._place()
            if self.key.made:
                self._check(self.key.says == self._says)
                return {"id": self.key.made, "role": self.message["role"]}
            if (found := await self._found_earlier()) is not None:
                self._check(self._says_the_same(found))
                return self._settled(found)
            if not self.key.since:
                self._learn(since=await self._search.newest())
            return self._settled(await self._sent())

    def doubtful(self) -> bool:
        """Whether it may have been written, by a call that has been cut off or one before it."""
        if self.client.in_doubt or not self._sending:
            return self.client.in_doubt or bool(self.key.sent_at)
        # Only what this call itself was about to send is known not to have been.
        self._learn(sent_at=0)
        return False

    async def _place(self) -> None:
        """Settle where the message goes, and recall what is known of the write."""
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
            self._learn(thread=begun["id"], since=keys.mark(keys.NOTHING))
        self.thread = self.thread or self.key.thread

    async def _found_earlier(self) -> JSON | None:
        """Search for what an earlier call with the key may have written.

        Raises:
            ToolError: `outcome_unknown` where it cannot be told, or may still be on its way; the
                failure of a read.
        """
        if not self.key.sent_at:
            if not self.key.given or not (self.key.since or self._marker):
                return None
            try:
                return await self._search.found(self.key.since)
            except UntoldError:
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
                return replies.created(await self.client.send(self._request()))
            except anyio.get_cancelled_exc_class():
                self._learn_sent()  # it may have waited for its turn until now
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
                # What stands between us and the upstream may refuse what it had passed on.
                if refused and (found := await self._found_or(error)) is not None:
                    return found
                if not again:
                    raise

    async def _found_late(self) -> JSON | None:
        """Search for the message until an upstream that lists late would have listed it.

        Raises:
            ToolError: `outcome_unknown` where the last look told nothing.
        """
        told = False
        for pause in self.client.upstream.profile.looks_s:
            await anyio.sleep(pause)
            try:
                found = await self._search.found(self.key.since)
            except (ToolError, UntoldError):
                told = False
                continue
            if found is not None:
                return found
            told = True
        if not told:
            raise self._unknown()
        return None

    async def _found_or(self, error: ExchangeError) -> JSON | None:
        try:
            return await self._search.found(self.key.since)
        except (ToolError, UntoldError):
            raise error from None

    @property
    def _search(self) -> Search:
        return Search(self.client, self.thread, self._is_ours, alone=self._marker is not None)

    @property
    def _collection(self) -> WritableCollection:
        return collection_of(self.client.upstream.profile, self.thread)

    def _request(self) -> Request:
        pairs = {**self.message.get("metadata", {}), **(self._marker or {})}
        marked = {**self.message, "metadata": pairs} if pairs else self.message
        return self._collection.create_message(self.thread, marked, self.key.token)

    @property
    def _marker(self) -> dict[str, str] | None:
        """What tells the message from any other, where its metadata has room for it."""
        if not self._collection.has_metadata:
            return None
        if len(self.message.get("metadata", {})) >= METADATA_PAIRS:
            return None
        return {MARKER: self.key.token}

    def _is_ours(self, raw: JSON) -> bool:
        if self._marker is not None:
            pairs = objects.message(raw).get("metadata", {})
            return pairs.get(MARKER) == self.key.token
        writer = self.journal.writer(self.thread, raw["id"])
        return writer in {None, self.key.token} and self._says_the_same(raw)

    def _says_the_same(self, raw: JSON) -> bool:
        theirs, ours = objects.message(raw), objects.message({**self.message, "id": ""})
        return (theirs["role"], theirs["text"]) == (ours["role"], ours["text"])

    @property
    def _says(self) -> str:
        return keys.mark(json.dumps(self.message, sort_keys=True))

    @staticmethod
    def _check(same: bool) -> None:  # noqa: FBT001 - reads as what it checks
        """Refuse a key of the caller's that stands for another message.

        Raises:
            ToolError: `invalid_arguments`.
        """
        if not same:
            raise invalid_arguments(
                "idempotency_key was already used with another message.",
                "Leave idempotency_key out to write this one.",
            )

    def _settled(self, made: JSON) -> JSON:
        """Note what was written, or found, and return it."""
        self._learn(made=made["id"], says=self._says)
        self.journal.note_writer(self.thread, made["id"], self.key.token)
        return made

    def _learn_sent(self) -> None:
        """Note that the message was sent, now at the latest."""
        clock = self.client.shared.clock
        sent_at, sent_by = clock.stamp()
        key = replace(self.key, sent_at=sent_at, sent_by=sent_by)
        self.record = Record(key, clock.monotonic(), dated=False)
        self._remember()

    def _learn(self, **known: str | int) -> None:
        """Have the key carry what has become known, here and for calls to come."""
        key = replace(self.key, **known)  # type: ignore[arg-type]  # fields of a key
        self.record = replace(self.record, key=key)
        self._remember()

    def _remember(self) -> None:
        for thread in {self.thread, "" if self.key.thread else self.thread}:
            self.journal.note(thread, self.record)

    def _unknown(self) -> ToolError:
        return outcome_unknown(str(self.key))
