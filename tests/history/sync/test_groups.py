"""Conversations are written in short transactions, and what cannot be imported is named."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import TypeVar

import pytest
from msgspec.structs import replace

from backscroll.database.faults import DatabaseBusyError
from backscroll.database.opening import open_database
from backscroll.database.port import Database, Work
from backscroll.history.conversation import (
    NotNow,
    ReadElsewhere,
    Record,
    SourceConversation,
    SourceItem,
    Unreadable,
)
from backscroll.history.sources.finding import FoundFile, FoundSource
from backscroll.history.sources.source import Place, Source
from backscroll.history.sync.syncing import GROUP_CONVERSATIONS, TRIES, SyncOptions, sync
from backscroll.history.sync.tally import SyncTally
from backscroll.store.app import Store, open_store, store_over
from tests.store.wrapped import WrappedDatabase

T = TypeVar("T")
LOGS = Source("codex", ())
DATABASES = Source("cursor", (Place(lambda _: (), (), is_database=True),))
SECOND_NS = 1_000_000_000


class Watched(WrappedDatabase):
    """A database that counts its transactions, and is locked by others as often as it is told."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.written = 0
        self.locked = 0

    async def write(self, work: Work[T], turn: str = "") -> T:
        self.written += 1
        if self.locked:
            self.locked -= 1
            raise DatabaseBusyError
        return await super().write(work, turn)


@pytest.fixture
async def store() -> AsyncIterator[Store]:
    async with open_store("sqlite:///:memory:") as opened:
        yield opened


@pytest.fixture
async def watched() -> AsyncIterator[tuple[Watched, Store]]:
    """A database and the store over it, which has written nothing since it was opened."""
    async with open_database("sqlite:///:memory:", "store") as database:
        counted = Watched(database)
        over = await store_over(counted)
        counted.written = 0
        yield counted, over


def said(number: int, *texts: str, at: int | None = 9) -> SourceConversation:
    """Return a conversation with a message for each text."""
    items = [
        SourceItem(
            key=f"{number}/{text}", item={"type": "message", "role": "user", "content": text}
        )
        for text in texts
    ]
    return SourceConversation(source="codex", id=f"{number}", items=items, updated_at=at)


async def synced(
    store: Store, records: list[Record], options: SyncOptions | None = None, source: Source = LOGS
) -> SyncTally:
    """Sync one file with these records."""
    file = FoundFile(Path("/logs/a"), 10, SECOND_NS * 9, 1)
    return await sync(
        store,
        [FoundSource(source, [file])],
        lambda *_: iter(records),
        options or SyncOptions(),
    )


async def ids(store: Store, partition: str = "") -> list[str]:
    """Return the ids of the conversations in the store."""
    return [each.metadata["source_id"] async for each in store.export_conversations(partition)]


@pytest.mark.parametrize(
    ("records", "group_items", "written"),
    [
        ([said(1, "a")], 100, 1),
        ([said(number, "a") for number in range(GROUP_CONVERSATIONS - 1)], 100, 1),
        ([said(number, "a") for number in range(GROUP_CONVERSATIONS)], 100, 2),
        ([said(number, "a") for number in range(GROUP_CONVERSATIONS + 1)], 100, 2),
        ([said(1, "a", "b"), said(2, "c")], 4, 1),
        ([said(1, "a", "b"), said(2, "c", "d")], 4, 2),
        ([said(1, "a", "b"), said(2, "c", "d"), said(3, "e")], 4, 2),
        ([said(1, "a", "b"), said(2, "c", "d"), said(3, "e", "f"), said(4, "g")], 4, 2),
        ([said(1, "a", "b", "c", "d")], 4, 2),
        ([said(1, "a", "b", "c", "d", "e")], 4, 3),
        ([said(0, "z"), said(1, *"abcdefghi")], 4, 5),
    ],
)
async def test_a_group_is_written_once_it_is_full_and_the_last_one_with_the_watermark(
    watched: tuple[Watched, Store],
    records: list[SourceConversation],
    group_items: int,
    written: int,
) -> None:
    database, store = watched
    options = SyncOptions(group_items=group_items)
    tally = await synced(store, list(records), options)

    assert database.written == written
    assert tally.by_source["codex"].outcomes == {"imported": len(records)}
    assert tally.by_source["codex"].added == sum(len(each.items) for each in records)
    assert await ids(store) == [each.id for each in records]
    assert list((await synced(store, [], options)).lines()) == ["nothing is new"]


@pytest.mark.parametrize("partition", ["", "mine"])
async def test_a_long_conversation_that_is_stored_is_updated_in_one_transaction(
    watched: tuple[Watched, Store], partition: str
) -> None:
    database, store = watched
    options = SyncOptions(partition=partition, group_items=2)
    # The last transaction writes the watermark alone.
    for texts, size, written in (("abcde", 10, 4), ("acdef", 11, 2)):
        database.written = 0
        file = FoundFile(Path("/logs/a"), size, SECOND_NS * 9, 1)
        record = said(1, *texts)
        await sync(store, [FoundSource(LOGS, [file])], lambda *_: iter([record]), options)  # noqa: B023 - called at once
        assert database.written == written
    (found,) = [each async for each in store.export_conversations(partition)]
    assert [item.key for item in found.items] == ["1/a", "1/c", "1/d", "1/e", "1/f"]


@pytest.mark.parametrize("locked", [TRIES - 1, TRIES])
async def test_a_group_is_tried_five_times_while_others_lock_the_database(
    watched: tuple[Watched, Store], locked: int
) -> None:
    database, store = watched
    database.locked = locked
    if locked < TRIES:
        await synced(store, [said(1, "a")])
        assert await ids(store) == ["1"]
    else:
        with pytest.raises(DatabaseBusyError):
            await synced(store, [said(1, "a")])
        assert await ids(store) == []
    assert database.written == TRIES


async def test_a_sync_is_of_one_partition(store: Store) -> None:
    mine = SyncOptions(partition="mine")
    await synced(store, [said(1, "a")], mine)
    assert list((await synced(store, [said(2, "a")], mine)).lines()) == ["nothing is new"]
    assert (await ids(store), await ids(store, "mine")) == ([], ["1"])
    await synced(store, [said(1, "a"), said(2, "a")])
    assert (await ids(store), await ids(store, "mine")) == (["1", "2"], ["1"])


async def test_each_file_that_was_read_is_told_by_its_size(store: Store) -> None:
    sizes: list[int] = []
    files = [FoundFile(Path(f"/logs/{size}"), size, SECOND_NS * size, 1) for size in (7, 8)]
    found = [FoundSource(LOGS, files)]
    await sync(store, found, lambda *_: iter(()), SyncOptions(advance=sizes.append))
    assert sizes == [7, 8]


def records_that_refuse() -> list[tuple[Record, list[str], bool]]:
    """Return records, the lines that name them, and whether their file is then imported."""
    return [
        (Unreadable("line 7", "is not JSON"), ["/logs/a: line 7 is not JSON"], True),
        (NotNow("line 7", "is locked"), ["/logs/a: line 7 is locked"], False),
        (ReadElsewhere("line 7", "is in another file"), [], True),
    ]


@pytest.mark.parametrize(("record", "lines", "is_imported"), records_that_refuse())
async def test_what_cannot_be_read_is_named_and_the_rest_of_its_file_is_imported(
    store: Store, record: Record, lines: list[str], is_imported: bool
) -> None:
    refused: list[str] = []
    records = [record, said(1, "a"), Unreadable("line 9", "is empty")]
    tally = await synced(store, records, SyncOptions(refuse=refused.append))

    expected = [line.replace("/logs/a", str(Path("/logs/a"))) for line in lines]
    assert refused == [*expected, f"{Path('/logs/a')}: line 9 is empty"]
    assert tally.by_source["codex"].outcomes == {"imported": 1, "refused": len(lines) + 1}
    assert await ids(store) == ["1"]
    again = await synced(store, [said(2, "b")])
    assert (list(again.lines()) == ["nothing is new"]) is is_imported


@pytest.mark.parametrize("error", [FileNotFoundError(2, "gone"), PermissionError(13, "denied")])
async def test_a_file_that_cannot_be_read_is_named_unless_it_is_gone(
    store: Store, error: OSError
) -> None:
    def read(*_: object) -> Iterator[Record]:
        yield said(1, "a")
        raise error

    refused: list[str] = []
    file = FoundFile(Path("/logs/a"), 10, SECOND_NS * 9, 1)
    found = [FoundSource(LOGS, [file])]
    tally = await sync(store, found, read, SyncOptions(refuse=refused.append))

    named = not isinstance(error, FileNotFoundError)
    assert [line.startswith(f"{file.path} ") for line in refused] == [True] * named
    assert tally.refused == named
    assert await ids(store) == ["1"]
    await synced(store, [said(2, "a")])  # the file was not imported whole
    assert await ids(store) == ["1", "2"]


async def test_a_conversation_that_the_store_refuses_is_named_by_its_key(store: Store) -> None:
    refused: list[str] = []
    wrong = replace(said(1), items=[replace(said(1, "a").items[0], key="k" * 10_000)])
    tally = await synced(store, [wrong, said(2, "b")], SyncOptions(refuse=refused.append))
    assert [line.partition(": ")[0] for line in refused] == ["codex:1"]
    assert tally.by_source["codex"].outcomes == {"imported": 1, "refused": 1}
    assert await ids(store) == ["2"]


@pytest.mark.parametrize(
    ("at", "is_later_round", "source", "is_imported"),
    [
        (8, False, LOGS, False),
        (8, True, LOGS, True),
        (8, True, DATABASES, False),
        (9, False, LOGS, True),
        (None, False, LOGS, True),
    ],
)
async def test_a_conversation_that_changed_earlier_is_left_out_unless_its_log_grew_meanwhile(
    store: Store, at: int | None, is_later_round: bool, source: Source, is_imported: bool
) -> None:
    options = SyncOptions(since_s=9, is_later_round=is_later_round)
    await synced(store, [said(1, "a", at=at)], options, source)
    assert await ids(store) == ["1"] * is_imported


async def test_a_conversation_without_a_last_change_is_as_old_as_it_is(store: Store) -> None:
    early, late = said(1, "a", at=None), said(2, "b", at=None)
    records: list[Record] = [replace(early, created_at=8), replace(late, created_at=9)]
    await synced(store, records, SyncOptions(since_s=9))
    assert await ids(store) == ["2"]
