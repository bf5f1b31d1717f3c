"""Exports a partition of the embedded store as JSON Lines that can be imported again."""

import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO

from backscroll.commands.local_store import opened_store
from backscroll.commands.progress import Advance
from backscroll.commands.transfer.formats.objects import (
    completion_object,
    conversation_object,
    response_object,
    thread_object,
)
from backscroll.database.json_text import dump_json
from backscroll.process.exits import CommandError
from backscroll.store.app import Store
from backscroll.store.envelopes import JSON


async def export_to(
    database: str,
    write: Callable[[str], object],
    advance: Advance = lambda _: None,
    partition: str = "",
) -> int:
    """Write a line for each thread, conversation, completion and response.

    All threads come first, then all conversations and so on, each kind oldest first.

    Args:
        database: the store's URL.
        write: is called with each line, which ends in a line feed.
        advance: is called with 1 after each line, to show progress.
        partition: the partition to export; empty for the shared one.

    Returns:
        The number of lines written.

    Raises:
        StoreError: the database cannot be used.
    """
    lines = 0
    async with opened_store(database) as store:
        async for line in _lines(store, partition):
            write(f"{dump_json(line)}\n")
            lines += 1
            advance(1)
    return lines


async def _lines(store: Store, partition: str) -> AsyncIterator[JSON]:
    async for thread in store.export_threads(partition):
        yield thread_object(thread)
    async for conversation in store.export_conversations(partition):
        yield conversation_object(conversation)
    async for completion in store.export_completions(partition):
        yield completion_object(completion)
    async for response in store.export_responses(partition):
        yield response_object(response)


@contextmanager
def new_file(path: Path) -> Iterator[IO[str]]:
    """Yield a new file, which replaces `path` at the end of the `with` block.

    If the block fails, `path` is unchanged. Only the current user can read the new file.

    Raises:
        CommandError: the file cannot be written.
    """
    try:
        with NamedTemporaryFile(
            "w", encoding="utf-8", newline="\n", dir=path.parent, prefix=path.name, delete=False
        ) as file:
            part = Path(file.name)
            try:
                yield file
                file.flush()
                os.fsync(file.fileno())
                file.close()
                part.replace(path)
            finally:
                part.unlink(missing_ok=True)
    except OSError as error:
        raise CommandError(f"{path} cannot be written: {error.strerror}") from None
