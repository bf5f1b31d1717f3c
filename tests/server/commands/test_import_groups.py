"""Entries are written in groups, which are bounded in number, in size and in messages."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from backscroll.commands.transfer.formats.entries import ImportEntry, ImportFile
from backscroll.commands.transfer.importing import (
    GROUP_ENTRIES,
    GROUP_MESSAGES,
    GROUP_SIZE,
    import_sources,
)
from backscroll.store.archive.records import (
    ImportedCompletion,
    ImportedConversation,
    ImportedItem,
    ImportedMessage,
    ImportedResponse,
    ImportedThread,
)
from backscroll.store.envelopes import JSON


def thread(name: int, messages: int) -> ImportedThread:
    message = ImportedMessage(role="user", content="Hello", created_at=1)
    return ImportedThread(key=str(name), created_at=1, messages=[message] * messages)


def conversation(name: int, items: int) -> ImportedConversation:
    item = ImportedItem({"role": "user", "content": "Hello"})
    return ImportedConversation(key=str(name), created_at=1, items=[item] * items)


def completion(name: int, messages: int) -> ImportedCompletion:
    message: JSON = {"role": "user", "content": "Hello"}
    return ImportedCompletion(
        key=str(name), created_at=1, model="m", choices=[], messages=[message] * messages
    )


def response(name: int, items: int) -> ImportedResponse:
    item: JSON = {"type": "message", "role": "user", "content": "Hello"}
    return ImportedResponse(key=str(name), created_at=1, input=[item] * items, output=[])


def stored(path: Path) -> int:
    """Return how many threads, conversations, completions and responses are committed."""
    with closing(sqlite3.connect(path)) as connection:
        [count] = connection.execute(
            "SELECT (SELECT count(*) FROM threads) + (SELECT count(*) FROM conversations)"
            " + (SELECT count(*) FROM completions) + (SELECT count(*) FROM responses)"
        ).fetchone()
    return int(count)


@pytest.mark.parametrize(
    ("entry", "in_a_group"),
    [
        (lambda name: ImportEntry("", thread(name, 1), 0), GROUP_ENTRIES),
        (lambda name: ImportEntry("", thread(name, 1), GROUP_SIZE // 4), 4),
        (lambda name: ImportEntry("", thread(name, GROUP_MESSAGES // 2), 0), 2),
        (lambda name: ImportEntry("", conversation(name, GROUP_MESSAGES // 2), 0), 2),
        (lambda name: ImportEntry("", completion(name, GROUP_MESSAGES // 2), 0), 2),
        (lambda name: ImportEntry("", response(name, GROUP_MESSAGES // 2), 0), 2),
    ],
    ids=["entries", "size", "messages", "items", "completions", "responses"],
)
async def test_a_group_is_written_as_soon_as_it_is_full(
    tmp_path: Path, entry: Callable[[int], ImportEntry], in_a_group: int
) -> None:
    path = tmp_path / "store.db"
    before: list[int] = []

    def entries() -> Iterator[ImportEntry]:
        for name in range(in_a_group + 1):
            before.append(stored(path))
            yield entry(name)

    source = ImportFile("given", entries(), None)
    await import_sources(f"sqlite:///{path}", [source], pytest.fail)
    assert before == [*[0] * in_a_group, in_a_group]
    assert stored(path) == in_a_group + 1


class Interrupted(list[JSON]):
    """The items of a response, at which the user interrupts the import."""

    def __iter__(self) -> Iterator[JSON]:
        raise KeyboardInterrupt


async def test_what_a_group_has_written_counts_although_its_completions_are_interrupted(
    tmp_path: Path,
) -> None:
    path = tmp_path / "store.db"
    late = ImportedResponse(key="r", created_at=1, input=Interrupted(), output=[])
    entries = (ImportEntry("", item, 0) for item in (thread(1, 1), conversation(2, 1), late))
    said: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        await import_sources(f"sqlite:///{path}", [ImportFile("given", entries, None)], said.append)
    assert stored(path) == 2
    assert said[-1].startswith("interrupted: 2 imported")
