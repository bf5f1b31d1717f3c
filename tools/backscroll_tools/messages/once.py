"""A message written once, on an upstream that takes no notice of idempotency keys.

There a request that may have been acted on is never sent again. Before the write the newest
message is noted; after an unclear failure the messages behind it are searched for ours, told by a
marker in its metadata where there is room for one, else by its role and content. What is found is
the answer. What is not may still be on its way: its outcome is unknown, and the key that the error
names makes the same call look before it writes. A new thread is begun empty, which does no harm
twice, so that the message too has a place to be looked for.
"""

from dataclasses import dataclass
from typing import Final

import anyio

from backscroll_tools.client import replies, requests, typed
from backscroll_tools.client.client import Client
from backscroll_tools.client.failures import ExchangeError, outcome_unknown
from backscroll_tools.client.items import message_item
from backscroll_tools.client.profiles import PAGE_ITEMS
from backscroll_tools.client.replies import Reply
from backscroll_tools.client.requests import Request, Slice
from backscroll_tools.errors import ToolError, invalid_arguments
from backscroll_tools.messages import keys
from backscroll_tools.messages.keys import Key
from backscroll_tools.messages.sources import is_conversation
from backscroll_tools.models import JSON

LOOKS_S: Final = (0.0, 0.25, 0.75, 2.0)
"""The pauses before each look for a message, in seconds: some upstreams list it late."""

SENDS: Final = 3
"""How often a message is sent at most, each but the first only after it was refused."""

PAGES: Final = 10
"""How many pages a search goes back, of 100 messages each."""

REMEMBERED: Final = 1_000
"""How many writes are remembered, the oldest forgotten first."""

MARKER: Final = "backscroll_key"
"""The pair of metadata that holds a message's token."""

METADATA_PAIRS: Final = 16
"""How many pairs metadata may have (OpenAI API)."""

_FIRST_LOOK: Final = 20
"""How many of the newest messages are looked at first."""


@dataclass(slots=True)
class OneWrite:
    """One message to be written.

    Attributes:
        client: whose upstream takes no notice of idempotency keys.
        thread: where it goes; empty until a new thread has been begun for it.
        message: what it says, as `create-message` takes it.
        key: tells this write from any other; carries, once noted, where to look for it.
    """

    client: Client
    thread: str
    message: JSON
    key: Key

    async def written(self) -> JSON:
        """Write the message, unless it is there, and return it as the upstream has it.

        Raises:
            ToolError: `outcome_unknown` where it cannot be told whether it was written; else the
                failure, and it was not.
        """
        async with self.client.alone(self.thread or self.key.token):
            if not self.thread:
                await self._begin_thread()
            tried = self._recall()
            found = None
            if tried:
                found = await self._found_late()
            elif self.key.given and self._marker is not None:
                found = await self._found()
            if found is not None:
                self._check(found)
                return found
            if not tried:
                newest = (await self._listed("", 1)).items
                mark = keys.mark(newest[0]["id"] if newest else keys.NOTHING)
                self.key = Key(self.key.token, mark)
            self._note((self.thread, self.key.token), self.key.since or "")
            made = await self._sent()
            self._note((self.thread, made["id"]), self.key.token)
            return made

    async def _begin_thread(self) -> None:
        """Make the thread that the message starts, unless an earlier call with the key has."""
        noted = self.client.noted.get(("", self.key.token))
        if noted is None:
            conversation = is_conversation(self.client.upstream.profile, "")
            start = requests.start_conversation if conversation else requests.start_thread
            noted = str(replies.created(await self.client.send(start()))["id"])
            self._note(("", self.key.token), noted)
        self.thread = noted

    def _recall(self) -> bool:
        """Whether the write may have been tried, by the key or by what was noted here."""
        noted = self.client.noted.get((self.thread, self.key.token))
        if self.key.since is None and noted is not None:
            self.key = Key(self.key.token, noted, given=True)
        return self.key.since is not None

    async def _sent(self) -> JSON:
        for attempt in range(1, SENDS + 1):
            try:
                return replies.created(await self.client.send(self._request()))
            except ExchangeError as error:
                if error.fate == "unsent" or (error.fate == "refused" and not error.again):
                    raise
                if error.fate == "unknown":
                    if (found := await self._found_late()) is not None:
                        return found
                    raise self._unknown() from None
                again = attempt < SENDS and await self.client.pauses(error, attempt)
                # What stands between us and the upstream may refuse what it had passed on.
                if (found := await self._found_or(error)) is not None:
                    return found
                if not again:
                    raise
        raise AssertionError

    async def _found_late(self) -> JSON | None:
        """Look for the message until an upstream that lists late would have listed it.

        Raises:
            ToolError: `outcome_unknown` where no look told anything.
        """
        told = False
        for pause in LOOKS_S:
            await anyio.sleep(pause)
            try:
                found = await self._found()
            except ToolError:
                continue
            if found is not None:
                return found
            told = True
        if not told:
            raise self._unknown()
        return None

    async def _found_or(self, error: ExchangeError) -> JSON | None:
        try:
            return await self._found()
        except ToolError:
            raise error from None

    async def _found(self) -> JSON | None:
        """Return the message as the upstream has it, or None where it is not there.

        Raises:
            ToolError: `outcome_unknown` where neither can be told; the failure of a read.
        """
        likely: JSON | None = None
        after, limit = "", _FIRST_LOOK
        for _ in range(PAGES):
            reply = await self._listed(after, limit)
            marks = [keys.mark(raw["id"]) for raw in reply.items]
            noted = self.key.since in marks
            behind = reply.items[: marks.index(self.key.since or "")] if noted else reply.items
            ours = [raw for raw in (reply.items if self._marker else behind) if self._is_ours(raw)]
            if ours and self._marker:
                return ours[0]
            likely = ours[-1] if ours else likely
            if reply.warning and self.key.since is not None:
                raise self._unknown()  # what is missing or in disorder proves nothing
            if noted:
                return likely
            if reply.has_more is False:
                return self._unless_older(likely)
            after, limit = self._next(reply, after), PAGE_ITEMS
        if self.key.since is not None:
            raise self._unknown()
        return None

    def _unless_older(self, likely: JSON | None) -> JSON | None:
        """Return what is like our message, where no message was there before it.

        Raises:
            ToolError: `outcome_unknown`: the noted message is gone, and this may be older.
        """
        if likely is not None and self.key.since != keys.mark(keys.NOTHING):
            raise self._unknown()
        return likely

    def _next(self, reply: Reply, after: str) -> str:
        """Return the id behind which a search goes on.

        Raises:
            ToolError: `outcome_unknown` where the upstream does not go on.
        """
        last = reply.last_id if self._in_conversation else ""
        last = last or (reply.items[-1]["id"] if reply.items else after)
        if last == after:
            raise self._unknown()
        return last

    async def _listed(self, after: str, limit: int) -> Reply:
        """Return some of the newest messages, or items, as the upstream has them."""
        window = Slice(limit, "desc", after)
        lists = requests.list_items if self._in_conversation else requests.list_messages
        return await self.client.page(lists(self.thread, window))

    def _request(self) -> Request:
        if self._in_conversation:
            item = message_item(self.message)
            return requests.create_items(self.thread, [item], self.key.token)
        pairs = {**self.message.get("metadata", {}), **(self._marker or {})}
        marked = {**self.message, "metadata": pairs} if pairs else self.message
        return requests.create_message(self.thread, marked, self.key.token)

    @property
    def _in_conversation(self) -> bool:
        return is_conversation(self.client.upstream.profile, self.thread)

    @property
    def _marker(self) -> dict[str, str] | None:
        """What tells the message from any other, where its metadata has room for it."""
        if self._in_conversation or not self.client.upstream.profile.keeps_metadata:
            return None
        if len(self.message.get("metadata", {})) >= METADATA_PAIRS:
            return None
        return {MARKER: self.key.token}

    def _is_ours(self, raw: JSON) -> bool:
        if self._marker is not None:
            pairs = typed.message(raw).get("metadata", {})
            return pairs.get(MARKER) == self.key.token
        writer = self.client.noted.get((self.thread, raw["id"]))
        return writer in {None, self.key.token} and self._says_the_same(raw)

    def _says_the_same(self, raw: JSON) -> bool:
        theirs, ours = typed.message(raw), typed.message({**self.message, "id": ""})
        return (theirs["role"], theirs["text"]) == (ours["role"], ours["text"])

    def _check(self, found: JSON) -> None:
        """Refuse a key of the caller's that stands for another message.

        Raises:
            ToolError: `invalid_arguments`.
        """
        if not self._says_the_same(found):
            raise invalid_arguments(
                "idempotency_key was already used with another message.",
                "Leave idempotency_key out to write this one.",
            )

    def _note(self, name: tuple[str, str], value: str) -> None:
        noted = self.client.noted
        noted[name] = value
        while len(noted) > REMEMBERED:
            del noted[next(iter(noted))]

    def _unknown(self) -> ToolError:
        return outcome_unknown(str(self.key))
