"""Conversations for the measurements, and databases to store them in."""

import asyncio
import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Final

from backscroll.commands.transfer.formats import chitchat
from backscroll.commands.transfer.importing import GROUP_ENTRIES
from backscroll.store.app import open_store
from backscroll.store.archive.records import ImportedMessage, ImportedThread

THREAD_ID: Final = "thread_bench"
"""The thread that most rows read."""

CHITCHAT: Final = 7_168
"""How many conversations the dataset has: 258,145 messages."""

MESSAGE_CHARS: Final = 190
"""The length of an average message of an assistant."""

_IN_MEMORY: Final = Path("/dev/shm")  # noqa: S108 - only the folder in which a private one is made


@contextmanager
def database(*, durable: bool = False) -> Iterator[str]:
    """Yield the URL of a temporary database. It is deleted when the context exits.

    Args:
        durable: whether the database must be on a disk. Otherwise it is in memory if the machine
            has a file system in memory. Reads are equally fast there, and writes do not wait for
            the disk.
    """
    in_memory = not durable and _IN_MEMORY.is_dir() and os.access(_IN_MEMORY, os.W_OK)
    with tempfile.TemporaryDirectory(
        prefix="backscroll-bench-", dir=_IN_MEMORY if in_memory else None
    ) as folder:
        yield f"sqlite:///{Path(folder) / 'bench.db'}"


async def fill(url: str, threads: Iterable[ImportedThread]) -> None:
    """Import threads into a database, in groups of the size that `backscroll import` writes."""
    waiting = iter(threads)
    async with open_store(url) as store:
        while group := list(islice(waiting, GROUP_ENTRIES)):
            await asyncio.gather(*map(store.import_thread, group))


def long_messages(texts: Iterator[str], messages: int, chars: int) -> list[ImportedMessage]:
    """Return messages of a length, each joined from some of the texts, one minute apart.

    Args:
        texts: texts to join. As many as needed are taken.
        messages: the number of messages, of the user and of the assistant in turn.
        chars: the length of each message, in characters.
    """
    found = []
    for position in range(messages):
        text = ""
        while len(text) < chars:
            text += f"{next(texts)} "
        role = "assistant" if position % 2 else "user"
        content = f"{text[: chars - 1]}."
        found.append(ImportedMessage(role=role, content=content, created_at=position * 60))
    return found


def numbered(messages: int, thread_id: str = THREAD_ID) -> ImportedThread:
    """Return a thread of the messages `msg_1`, `msg_2`, …, each of about one line.

    The ids of a thread other than `THREAD_ID` begin with its name.
    """
    text = "Yes, the parcel that you sent on Monday came this morning, thank you!"
    prefix = "msg" if thread_id == THREAD_ID else thread_id
    return ImportedThread(
        key=thread_id,
        id=thread_id,
        created_at=0,
        messages=[
            ImportedMessage(
                id=f"{prefix}_{number}",
                role="assistant" if number % 2 else "user",
                content=f"{number} {text}",
                created_at=number,
            )
            for number in range(1, messages + 1)
        ],
    )


def chats(number: int = CHITCHAT) -> Iterator[ImportedThread]:
    """Yield the first `number` real conversations of the dataset."""
    for entry in islice(chitchat.read(chitchat.installed()).entries, number):
        if isinstance(entry.item, ImportedThread):
            yield entry.item


def joined(texts: Iterable[str]) -> Iterator[str]:
    """Yield texts joined to about the length of an average message."""
    message = ""
    for text in texts:
        message = f"{message} {text}" if message else text
        if len(message) >= MESSAGE_CHARS * 3 // 4:
            yield message
            message = ""
