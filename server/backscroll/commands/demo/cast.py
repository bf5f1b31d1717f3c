"""Chooses the conversations of the demo: one is invented, and all others are from a dataset."""

from collections.abc import Iterator
from itertools import islice
from typing import Final

from msgspec import Struct

from backscroll.commands.transfer.formats import chitchat
from backscroll.commands.transfer.formats.entries import ImportEntry, ImportFile
from backscroll.store.archive.records import ImportedCompletion
from backscroll.store.envelopes import JSON

CONVERSATIONS: Final = 300
COMPLETIONS: Final = 3
MODEL: Final = "chitchat"
_TURNS: Final = 4

CUSTOMER: Final = "order-4711"
TITLE: Final = "Order 4711: a cracked kettle"
ASKED: Final = "What did the customer say about a refund?"
REFUND: Final = "I would like a refund to my card, not a voucher."
_SAID: Final = (
    ("customer", "Hello, order 4711 came today. The lid of the kettle is cracked."),
    ("shop", "I am sorry about that. Would you like a new lid or a refund?"),
    ("customer", REFUND),
    ("shop", "Of course. The refund of 39.90 will be on your card by Friday."),
)


class Cast(Struct, frozen=True):
    """The conversations of the demo, in the format of the dataset.

    Attributes:
        conversations: the conversations, by uuid.
        longest: the uuid of the longest conversation.
        customer: the uuid of the invented conversation with a customer.
    """

    conversations: dict[str, JSON]
    longest: str
    customer: str = CUSTOMER

    def texts(self, uuid: str) -> list[str]:
        """Return the utterances of a conversation, oldest first."""
        turns = self.conversations[uuid]["messages"]
        return [utterance["text"] for turn in turns for utterance in turn]

    def messages(self) -> int:
        """Return the total number of utterances."""
        return sum(len(self.texts(uuid)) for uuid in self.conversations)


def choose(count: int = CONVERSATIONS) -> Cast:
    """Return the dataset's first conversations and its longest, and the invented conversation.

    Args:
        count: the total number of conversations, at least 2.

    Raises:
        CommandError: the dataset is not installed.
    """
    found = chitchat.conversations(chitchat.installed())
    longest = max(found, key=lambda uuid: sum(map(len, found[uuid]["messages"])))
    first = islice((uuid for uuid in found if uuid != longest), count - 2)
    chosen = {uuid: found[uuid] for uuid in (*first, longest)}
    return Cast({**chosen, CUSTOMER: _customer()}, longest)


def _customer() -> JSON:
    """Return an invented conversation between a shop and a customer, in the dataset's format."""
    messages = [
        [{"text": text, "timestamp": f"2026-11-20T09:{minute:02}:00", "sender": sender}]
        for minute, (sender, text) in enumerate(_SAID)
    ]
    return {"messages": messages, "start": "2026-11-20T09:00:00", "prompt": TITLE}


def source(cast: Cast) -> ImportFile:
    """Return what the demo imports: all conversations as threads, a few also as completions."""
    return ImportFile("loading", _entries(cast), len(cast.conversations) + COMPLETIONS)


def completions(cast: Cast) -> dict[str, list[JSON]]:
    """Return the chat messages of each stored completion, by id. The last message is the reply.

    Consecutive utterances of one speaker (a turn in the dataset) become one message.
    """
    return {
        f"chatcmpl-{uuid}": [
            {"role": "user" if at % 2 == 0 else "assistant", "content": _spoken(turn)}
            for at, turn in enumerate(conversation["messages"][:_TURNS])
        ]
        for uuid, conversation in islice(_long_enough(cast), COMPLETIONS)
    }


def _entries(cast: Cast) -> Iterator[ImportEntry]:
    for uuid, conversation in cast.conversations.items():
        yield ImportEntry(uuid, chitchat.thread(uuid, conversation), 1)
    for completion_id, (*messages, reply) in completions(cast).items():
        uuid = completion_id.removeprefix("chatcmpl-")
        choice = {"index": 0, "finish_reason": "stop", "logprobs": None, "message": reply}
        completion = ImportedCompletion(
            key=completion_id,
            id=completion_id,
            created_at=chitchat.thread(uuid, cast.conversations[uuid]).created_at,
            model=MODEL,
            choices=[choice],
            messages=messages,
            metadata={"source": chitchat.NAME, "conversation": uuid},
        )
        yield ImportEntry(completion_id, completion, 1)


def _long_enough(cast: Cast) -> Iterator[tuple[str, JSON]]:
    for uuid, conversation in cast.conversations.items():
        if len(conversation["messages"]) >= _TURNS:
            yield uuid, conversation


def _spoken(turn: list[JSON]) -> str:
    return " ".join(utterance["text"] for utterance in turn)
