"""The conversations that the scripted model reads."""

import hashlib
import string
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final

from msgspec.structs import replace

from backscroll.store.archive.records import ImportedMessage, ImportedThread
from bench.conversations import chats, long_messages
from bench.hosts.script import Step

SHORT: Final = 20
"""How many short messages a page has."""

LONG: Final = 200
LONG_CHARS: Final = 2_000
"""A long thread has 400,000 characters, which is more than any host accepts as one result."""

SHORT_THREAD: Final = "thread_short"
LONG_THREAD: Final = "thread_long"
MISSING_THREAD: Final = "thread_missing"

_LETTERS: Final = string.ascii_letters + string.digits

STEPS: Final = (
    Step("call_short", "list-messages", {"thread_id": SHORT_THREAD, "limit": SHORT}),
    Step("call_long", "list-messages", {"thread_id": LONG_THREAD, "limit": 100}),
    Step("call_error", "list-messages", {"thread_id": MISSING_THREAD}),
)
"""The calls of the script: a short result, a long result, and an error."""


def threads(samples: int = 1) -> Iterator[ImportedThread]:
    """Yield the threads: real messages, and long messages that are joined from real ones.

    Args:
        samples: how many threads of `SHORT` real messages there are. The first is `SHORT_THREAD`.
    """
    enough = (thread for thread in chats() if len(thread.messages) >= SHORT)
    for number, thread in enumerate(islice(enough, samples)):
        yield _thread(short_thread(number), thread.messages[:SHORT])
    texts = (str(message.content) for thread in chats() for message in thread.messages)
    yield _thread(LONG_THREAD, long_messages(texts, LONG, LONG_CHARS))


def short_thread(number: int) -> str:
    """Return the id of a thread of short messages, counted from 0."""
    return f"{SHORT_THREAD}_{number}" if number else SHORT_THREAD


def _thread(thread_id: str, messages: Iterable[ImportedMessage]) -> ImportedThread:
    """Return a thread whose messages have ids like those of the store, the same in every run."""
    return ImportedThread(
        key=thread_id,
        id=thread_id,
        created_at=0,
        messages=[
            replace(message, id=_message_id(f"{thread_id} {position}"))
            for position, message in enumerate(messages)
        ],
    )


def _message_id(name: str) -> str:
    """Return `msg_` and 24 letters and digits that depend on the name alone."""
    numbers = hashlib.sha256(name.encode()).digest()[:24]
    return "msg_" + "".join(_LETTERS[number % len(_LETTERS)] for number in numbers)
