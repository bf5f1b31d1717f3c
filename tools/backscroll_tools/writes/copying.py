"""Copies the messages of a thread to a new conversation, or of a conversation to a new thread.

Messages are read, written and compared in batches. A batch is 20 objects of the source: messages,
and items that have no equivalent. A copy that was interrupted continues with the batch that was not
finished, and writes only the messages that are missing.
"""

from collections import Counter
from collections.abc import Sequence

import anyio
from msgspec import Struct, field

from backscroll_tools import schemas
from backscroll_tools.client.call import CallClient
from backscroll_tools.client.replies import CONTRARY
from backscroll_tools.client.requests import Slice
from backscroll_tools.collection import Collection
from backscroll_tools.errors import ToolError
from backscroll_tools.lookup import last_of
from backscroll_tools.models import JSON
from backscroll_tools.writes.portable import is_copy, portable
from backscroll_tools.writes.sequence import MessageSequence


class Copy(Struct):
    """A copy in progress.

    Attributes:
        client: sends the requests.
        source: the kind of collection that is copied.
        source_id: its id.
        written: the messages of the copy.
        after: the id of the last object of the source that was copied; empty at the start.
        before: the number of messages in the copy when the current batch began.
        compared: the id of the last message of the copy that was compared; empty at the start.
        can_compare: whether further batches can be compared. They cannot after a batch that the
            upstream did not list, because it is not known where the next batch begins.
        copied: the number of messages that this call has written, or that an earlier call had
            already written.
        verified: the number of messages in `copied` that were read again and equal their originals.
        differing: the ids of messages in the copy that are not equal to their originals.
        lost: counts what had no equivalent, by its description in `Portable.lost`.
    """

    client: CallClient
    source: Collection
    source_id: str
    written: MessageSequence
    after: str = ""
    before: int = 0
    compared: str = ""
    can_compare: bool = True
    copied: int = 0
    verified: int = 0
    differing: list[str] = field(default_factory=list)
    lost: Counter[str] = field(default_factory=Counter)

    @property
    def batch_requests(self) -> int:
        """The maximum number of requests of a batch after the first one, if nothing fails."""
        most = self.written.collection.batch_items
        honoured = self.client.upstream.profile.honours_idempotency_keys
        writes = 1 if most > 1 and honoured else schemas.MESSAGES_MAX
        return 3 + writes

    async def batch(self) -> bool:
        """Copy the next batch, and return whether more may follow.

        Raises:
            ToolError: the batch may have been copied only in part, or its messages cannot be read.
        """
        window = Slice(schemas.MESSAGES_MAX, "asc", self.after)
        reply = await self.client.page(self.source.list_messages(self.source_id, window))
        if self.after and any(raw["id"] == self.after for raw in reply.items):
            raise ToolError(
                "upstream_invalid",
                "The upstream returns the same messages again, so the rest cannot be copied.",
                next_step="Ask the operator whether the upstream supports the parameter after.",
            )
        if CONTRARY in reply.warning:
            raise ToolError(
                "upstream_invalid",
                "The upstream lists the messages in the wrong order, so they cannot be copied.",
                next_step="Ask the operator whether the upstream supports the parameter order.",
            )
        found = [portable(raw) for raw in reply.items]
        messages = [each.message for each in found if each.message is not None]
        if not self.written.thread:
            described = await self.client.send(self.source.describe(self.source_id))
            metadata = described.get("metadata")
            if _has_resources(described):
                self.lost["tool resources of the thread"] += 1
            await self.written.begin(messages, metadata if isinstance(metadata, dict) else {})
        else:
            await self.written.add(messages[self.written.number - self.before :])
        self.copied += len(messages)
        self.lost.update(words for each in found for words in each.lost)
        if messages:
            await self._compare(messages)
        after = last_of(reply, self.after)
        advanced, self.after = after != self.after, after
        self.before += len(messages)
        return advanced and reply.has_more is not False

    async def _compare(self, messages: Sequence[JSON]) -> None:
        """Read the batch from the copy, and compare it with the messages that were to be written.

        If the upstream does not list all messages of the batch yet, read them again after a pause.
        If it never lists all of them, none of the batch is counted as verified.
        """
        if not self.can_compare:
            return
        self.can_compare = False
        copy, copy_id = self.written.collection, self.written.thread
        window = Slice(len(messages), "asc", self.compared)
        for pause_s in self.client.upstream.profile.looks_s:
            await anyio.sleep(pause_s)
            reply = await self.client.page(copy.list_messages(copy_id, window))
            if len(reply.items) >= len(messages):
                break
        else:
            return
        if any(raw["id"] == self.compared for raw in reply.items):
            return  # the upstream ignores `after`
        for message, raw in zip(messages, reply.items, strict=False):
            if is_copy(message, raw):
                self.verified += 1
            else:
                self.differing.append(raw["id"])
        self.compared, self.can_compare = last_of(reply, self.compared), True


def _has_resources(described: JSON) -> bool:
    """Whether a thread has tool resources, such as vector stores. A conversation has none."""
    resources = described.get("tool_resources")
    return isinstance(resources, dict) and any(resources.values())
