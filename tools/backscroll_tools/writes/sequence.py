"""Writes several messages to a new thread or conversation, in order and each exactly once.

If the upstream honours idempotency keys, the first request has the key `TOKEN.new`, and each later
one `TOKEN.NUMBER`, where NUMBER is the number of messages before it. Repeating all requests then
writes nothing twice.

If the upstream ignores idempotency keys, an empty thread is created first, and `OneWrite` writes
one message after another. The state of the sequence is an idempotency key, from which a later call
continues, even in another process.
"""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from backscroll_tools.client import replies
from backscroll_tools.client.call import CallClient
from backscroll_tools.client.failures import ExchangeError, outcome_unknown
from backscroll_tools.collection import EditableCollection
from backscroll_tools.errors import ToolError, invalid_arguments
from backscroll_tools.models import JSON
from backscroll_tools.writes import keys
from backscroll_tools.writes.journal import Record, journal_of
from backscroll_tools.writes.keys import IdempotencyKey
from backscroll_tools.writes.once import OneWrite

_LASTING: Final = frozenset({"invalid_arguments", "not_found", "auth_failed", "forbidden"})
"""The codes of failures after which repeating the same call does not help."""


class MessageSequence(Struct):
    """Messages of a new thread or conversation, which are written in order.

    Attributes:
        client: sends the requests.
        collection: the kind of the new thread or conversation.
        token: identifies the sequence.
        state: the key of the next message. Its token is `TOKEN.NUMBER`, and it carries the id of
            the new thread or conversation.
    """

    client: CallClient
    collection: EditableCollection
    token: str
    state: IdempotencyKey

    @classmethod
    def of(
        cls, client: CallClient, collection: EditableCollection, argument: str
    ) -> "MessageSequence":
        """Return the sequence that an earlier call began, or a new one.

        Args:
            client: sends the requests.
            collection: the kind of the new thread or conversation.
            argument: the caller's key, or the `argument` of a sequence from an earlier call; empty
                for a new key.

        Raises:
            ToolError: `invalid_arguments` if the key is from the result of another tool.
        """
        key = keys.read(argument or keys.mint())
        if not key.thread:
            honoured = client.upstream.profile.honours_idempotency_keys
            known = None if honoured else journal_of(client.shared).progress(key.token)
            key = known or replace(key, token=f"{key.token}.0")
            key = replace(key, given=bool(argument))
        token, _, number = key.token.rpartition(".")
        if not (token and number.isdecimal()):
            raise invalid_arguments(
                "idempotency_key belongs to another tool.",
                "Pass the key from a result or an error of this tool, or leave it out.",
            )
        return cls(client, collection, token, key)

    @property
    def thread(self) -> str:
        """The id of the new thread or conversation; empty until it is created."""
        return self.state.thread

    @property
    def argument(self) -> str:
        """The text from which `of` can restore the sequence in its present state."""
        return str(self.state) if self.thread else self.token

    @property
    def number(self) -> int:
        """The number of messages that have been written."""
        return int(self.state.token.rpartition(".")[2])

    async def begin(self, messages: Sequence[JSON], metadata: JSON) -> None:
        """Create the thread or conversation with its first messages, if it does not exist yet.

        Args:
            messages: the first messages, at most `schemas.MESSAGES_MAX`. Later calls must pass the
                same messages.
            metadata: the metadata of the thread or conversation.

        Raises:
            ToolError: perhaps only some messages were written. `number` says how many.
        """
        if self.client.upstream.profile.honours_idempotency_keys:
            if not self.thread:
                request = self.collection.create(messages, metadata, f"{self.token}.new")
                self._created(await self.client.send(request), len(messages))
            return
        async with self.client.shared.alone(self.token):
            known = journal_of(self.client.shared).progress(self.token)
            # An earlier call may have written the next message, even if that call failed.
            self.state = self.state if known is None else replace(known, given=True)
            if not self.thread:
                # It is harmless if an empty thread is created twice, because nobody knows its id.
                request = self.collection.create((), metadata, "")
                empty = replace(request, idempotency_key="", harmless_twice=True)
                self._created(await self.client.send(empty), 0)
        await self.add(messages[self.number :])

    async def add(self, messages: Sequence[JSON]) -> None:
        """Add messages to the thread or conversation, after those that have been written.

        Raises:
            ToolError: perhaps only some messages were written. `number` says how many.
        """
        if not self.client.upstream.profile.honours_idempotency_keys:
            for message in messages:
                await self._add_one(message)
            return
        most = self.collection.batch_items
        for first in range(0, len(messages), most):
            batch = messages[first : first + most]
            await self.client.send(self.collection.add(self.thread, batch, self.state.token))
            self._advance(self.number + len(batch), keys.NOTHING)

    async def _add_one(self, message: JSON) -> None:
        client = self.client
        record = Record(self.state, client.shared.clock.monotonic())
        write = OneWrite(client, journal_of(client.shared), self.thread, message, record)
        created_id = ""
        try:
            created_id = (await write.written())["id"]
        finally:
            if created_id:
                self._advance(self.number + 1, created_id)
            else:
                write.doubtful()  # removes the recorded time if the message was not sent
                self._learn(write.key)

    def _created(self, reply: JSON, count: int) -> None:
        created: str = replies.created(reply)["id"]
        self._learn(replace(self.state, thread=created))
        self._advance(count, keys.NOTHING)

    def _advance(self, number: int, newest_id: str) -> None:
        digest = keys.digest(newest_id)
        token = f"{self.token}.{number}"
        self._learn(IdempotencyKey(token, thread=self.thread, newest_digest=digest))

    def _learn(self, state: IdempotencyKey) -> None:
        self.state = state
        journal_of(self.client.shared).note_progress(self.token, state)

    def too_late(self) -> ToolError:
        """Return the error for a call that was cancelled at its deadline."""
        honoured = self.client.upstream.profile.honours_idempotency_keys
        if self.client.in_doubt if honoured else self.state.sent_at:
            return outcome_unknown(self.argument)
        return ToolError(
            "deadline_exceeded", "The upstream did not answer within the call's time limit."
        )

    def failed(self, error: ToolError, tool: str, with_what: str) -> ToolError:
        """Return the error for the agent, which says how to continue.

        Args:
            error: the failure of a request.
            tool: the name of the tool that was called.
            with_what: the argument to pass to the next call, such as `cursor "…"`.
        """
        wait_s = error.wait_s if isinstance(error, ExchangeError) else 0.0
        when = f" in {int(wait_s) + 1} s" if wait_s else ""
        unknown = error.code == "outcome_unknown"
        message = "A reply was lost: the last message may have been written."
        next_step = f"Call {tool} again{when} with the same arguments and {with_what}."
        helps = unknown or error.code not in _LASTING
        return ToolError(
            error.code,
            message if unknown else error.message,
            next_step=next_step if helps else error.next_step,
            retry=f"safe with this {with_what.partition(' ')[0]}: nothing is written twice."
            if helps
            else error.retry,
            shown_by=error.shown_by,
        )
