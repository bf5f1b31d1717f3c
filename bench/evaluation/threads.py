"""Invented threads and messages, with ids that are always the same."""

import random
import string
from collections.abc import Iterable
from typing import Final

from backscroll.store.archive.records import ImportedMessage, ImportedThread

NOW: Final = 1_760_000_000
"""The time at which most of the threads begin, in Unix seconds."""

_ID_CHARS: Final = string.ascii_letters + string.digits


def identity(prefix: str, name: str) -> str:
    """Return an id in the API's format. It is always the same for a name, and looks random."""
    source = random.Random(name)
    return prefix + "".join(source.choices(_ID_CHARS, k=24))


def thread(name: str, texts: Iterable[str], created_at: int = NOW) -> ImportedThread:
    """Return a thread whose topic is its name.

    Args:
        name: of the thread.
        texts: of its messages, which a user and an assistant write in turn, a minute apart.
        created_at: the time of its first message, in Unix seconds.
    """
    return ImportedThread(
        key=f"evaluation:{name}",
        id=identity("thread_", name),
        created_at=created_at,
        metadata={"topic": name},
        messages=[
            ImportedMessage(
                id=identity("msg_", f"{name}/{number}"),
                role=role(number),
                content=text,
                created_at=created_at + number * 60,
            )
            for number, text in enumerate(texts)
        ],
    )


def role(number: int) -> str:
    """Return who wrote the message of a number, counted from 0."""
    return "assistant" if number % 2 else "user"
