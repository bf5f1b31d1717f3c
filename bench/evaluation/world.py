"""The data for the agents: real conversations, and invented ones with facts to find."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle, islice
from typing import Final

from msgspec.structs import replace

from backscroll.commands.demo.cast import Cast, choose
from backscroll.commands.transfer.formats import chitchat
from backscroll.store.app import open_store
from backscroll.store.archive.records import (
    ImportedCompletion,
    ImportedConversation,
    ImportedItem,
    ImportedThread,
)
from bench.evaluation.planted import planted
from bench.evaluation.threads import NOW, identity, role, thread

PROMISE: Final = "I promise to send the signed contract to Ines on 14 March."
PROMISE_AT: Final = 1_700
REPLY_AT: Final = 1_400
INVOICE: Final = "Invoice 4711"
TOTAL: Final = "The total is 1,284.50 euros."
CODE: Final = "The code at the end of the manual is MARIGOLD-77."
MANUAL_CHARS: Final = 60_000
LONG_CHARS: Final = 3_000
QUESTION: Final = "Which of the two plans has free delivery?"


@dataclass(frozen=True, slots=True)
class World:
    """All conversations and completions in the store.

    Attributes:
        longest: the longest real conversation. It has 2,895 messages, and one contains a promise.
        real: the other real conversations.
        made: the invented threads, by name.
        planted: real conversations to which facts to find were added, by name.
        completions: two answers to the same question.
        conversation: a conversation of the Conversations API.
    """

    longest: ImportedThread
    real: tuple[ImportedThread, ...]
    made: dict[str, ImportedThread]
    planted: dict[str, ImportedThread]
    completions: tuple[ImportedCompletion, ImportedCompletion]
    conversation: ImportedConversation

    def threads(self) -> Iterator[ImportedThread]:
        """Yield all threads."""
        yield from self.real
        yield from self.planted.values()
        yield self.longest
        yield from self.made.values()

    async def store(self, database: str) -> None:
        """Import all conversations and completions into a database."""
        async with open_store(database) as store:
            for each in self.threads():
                await store.import_thread(each)
            for completion in self.completions:
                await store.import_completion(completion)
            await store.import_conversation(self.conversation)


def build(conversations: int) -> World:
    """Return a world of `conversations` real conversations, at most 298, and the invented ones.

    Raises:
        CommandError: the dataset is not installed.
    """
    cast = choose()
    apart = {cast.longest, cast.customer}
    names = (uuid for uuid in cast.conversations if uuid not in apart)
    real = tuple(_real(cast, uuid) for uuid in islice(names, conversations))
    longest = _real(cast, cast.longest)
    said = list(longest.messages)
    said[PROMISE_AT] = replace(said[PROMISE_AT], content=PROMISE)
    prose = cycle(str(message.content) for message in longest.messages)
    threads = (
        _files(prose),
        thread("invoices", _long(prose, 40, at=23)),
        thread("manual", [_text(prose, MANUAL_CHARS) + CODE]),
        thread("busy", islice(prose, 60)),
        thread("shrinking", islice(prose, 60)),
        thread("status", islice(prose, 8)),
        _run(prose),
        thread("support", [*islice(prose, 30), QUESTION]),
        thread("recent", islice(prose, 12), created_at=NOW + 50_000),
    )
    return World(
        replace(longest, messages=said),
        real,
        dict(zip(NAMES, threads, strict=True)),
        planted([str(message.content) for each in real for message in each.messages]),
        (_completion("plain", "Yes, by Monday."), _completion("warm", "Of course! By Monday.")),
        ImportedConversation(
            key="evaluation:conversation",
            id=identity("conv_", "conversation"),
            created_at=NOW,
            items=[
                ImportedItem({"type": "message", "role": role(number), "content": text})
                for number, text in enumerate(islice(prose, 30))
            ],
        ),
    )


NAMES: Final = (
    "files",
    "invoices",
    "manual",
    "busy",
    "shrinking",
    "status",
    "run",
    "support",
    "recent",
)
RUN: Final = identity("run_", "run")
FILES: Final = tuple(identity("file-", f"file {number}") for number in range(7))


def _real(cast: Cast, uuid: str) -> ImportedThread:
    read = chitchat.thread(uuid, cast.conversations[uuid])
    messages = [
        replace(message, id=identity("msg_", f"{uuid}/{number}"))
        for number, message in enumerate(read.messages)
    ]
    return replace(read, id=identity("thread_", uuid), messages=messages)


def _files(prose: Iterator[str]) -> ImportedThread:
    """Return a thread in which every eighth message has a file."""
    made = thread("files", islice(prose, 56))
    messages = list(made.messages)
    for number, file_id in enumerate(FILES):
        attached = [{"file_id": file_id, "tools": [{"type": "file_search"}]}]
        messages[number * 8] = replace(messages[number * 8], attachments=attached)
    return replace(made, messages=messages)


def _run(prose: Iterator[str]) -> ImportedThread:
    """Return a thread with three messages that one run created."""
    made = thread("run", islice(prose, 90))
    messages = list(made.messages)
    for number in (31, 33, 35):
        messages[number] = replace(messages[number], run_id=RUN)
    return replace(made, messages=messages)


def _long(prose: Iterator[str], number: int, at: int) -> list[str]:
    texts = [f"Invoice {4_688 + place}. {_text(prose, LONG_CHARS)}" for place in range(number)]
    texts[at] += TOTAL
    return texts


def _text(prose: Iterator[str], chars: int) -> str:
    text = ""
    while len(text) < chars:
        text += f"{next(prose)} "
    return text


def _completion(arm: str, answer: str) -> ImportedCompletion:
    return ImportedCompletion(
        key=f"evaluation:{arm}",
        id=identity("chatcmpl-", arm),
        created_at=NOW,
        model="parrot-1",
        metadata={"experiment": "tone", "arm": arm},
        choices=[
            {
                "index": 0,
                "finish_reason": "stop",
                "logprobs": None,
                "message": {"role": "assistant", "content": answer, "refusal": None},
            }
        ],
        messages=[
            {"role": "system", "content": f"You answer customers in a {arm} tone."},
            {"role": "user", "content": "Will the parcel be here next week?"},
        ],
    )
