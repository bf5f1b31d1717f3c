"""A sync brings in what is new since the last one, whatever happened in between."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import TypeVar

import pytest

from backscroll.database.opening import open_database
from backscroll.database.port import Database, Work
from backscroll.history.conversation import Record, Unreadable
from backscroll.history.sources.finding import FoundFile
from backscroll.history.sources.source import Source
from backscroll.history.sync.reading import read_file
from backscroll.history.sync.syncing import SyncOptions, sync
from backscroll.store.app import Store, open_store, store_over
from tests.history.sync.claude_logs import Home
from tests.store.wrapped import WrappedDatabase

T = TypeVar("T")


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


@pytest.fixture
async def store() -> AsyncIterator[Store]:
    async with open_store("sqlite:///:memory:") as opened:
        yield opened


async def synced(store: Store, home: Home, options: SyncOptions | None = None) -> list[str]:
    """Sync, and return what the summary says."""
    return list((await sync(store, home.found(), read_file, options or SyncOptions())).lines())


async def texts(store: Store) -> list[list[str]]:
    """Return the texts of each conversation in the store."""
    return [
        [str(item.item["content"][0]["text"]) for item in each.items]
        async for each in store.export_conversations()
    ]


async def test_sessions_are_imported_once(store: Store, home: Home) -> None:
    for number in (1, 2):
        log = home.log(number)
        log.say("Fix it")
        log.say("Done", "assistant")

    assert await synced(store, home) == [
        "claude-code: 2 conversations: 2 imported, 0 updated, 0 already there (4 new items)"
    ]
    assert await synced(store, home) == ["nothing is new"]
    assert await texts(store) == [["Fix it", "Done"]] * 2


async def test_a_sync_with_nothing_new_reads_no_file(store: Store, home: Home) -> None:
    home.log().say("Fix it")
    await synced(store, home)

    def refuses(file: FoundFile, _: Source) -> Iterator[Record]:
        raise AssertionError(file.path)

    tally = await sync(store, home.found(), refuses, SyncOptions())

    assert list(tally.lines()) == ["nothing is new"]


async def test_a_session_that_grew_is_brought_up_to_date(store: Store, home: Home) -> None:
    log = home.log()
    log.say("Fix it")
    await synced(store, home)
    log.say("Done", "assistant")

    assert await synced(store, home) == [
        "claude-code: 1 conversation: 0 imported, 1 updated, 0 already there (1 new item)"
    ]
    assert await texts(store) == [["Fix it", "Done"]]


async def test_a_torn_last_line_is_taken_the_next_time(store: Store, home: Home) -> None:
    log = home.log()
    log.say("Fix it")
    log.say("Done", "assistant")
    whole = log.path.read_bytes()
    log.path.write_bytes(whole[:-20])

    assert await synced(store, home) == [
        "claude-code: 1 conversation: 1 imported, 0 updated, 0 already there (1 new item)"
    ]
    log.path.write_bytes(whole)
    await synced(store, home)

    assert await texts(store) == [["Fix it", "Done"]]


async def test_a_log_that_is_gone_deletes_nothing(store: Store, home: Home) -> None:
    log = home.log()
    log.say("Fix it")
    await synced(store, home)
    log.path.unlink()

    assert await synced(store, home) == ["nothing is new"]
    assert await texts(store) == [["Fix it"]]


async def test_secrets_are_replaced_and_counted(store: Store, home: Home) -> None:
    key = "gh" + "p_" + "a1B2" * 9
    home.log().say(f"use {key}")  # also the title, which is not counted

    assert (await synced(store, home))[1:] == ["1 secret replaced: github token (1)"]
    assert await texts(store) == [["use [redacted: github token]"]]


async def test_secrets_are_kept_on_request(store: Store, home: Home) -> None:
    key = "gh" + "p_" + "a1B2" * 9
    home.log().say(f"use {key}")

    await synced(store, home, SyncOptions(redact=False))

    assert await texts(store) == [[f"use {key}"]]


async def test_what_last_changed_earlier_is_left_out_and_comes_with_a_later_sync(
    store: Store, home: Home
) -> None:
    home.log().say("Fix it")
    january_third = 1_767_398_400

    assert await synced(store, home, SyncOptions(since_s=january_third)) == ["nothing is new"]
    assert len(await synced(store, home)) == 1


async def test_secrets_are_counted_once_while_a_session_grows(store: Store, home: Home) -> None:
    log = home.log()
    token = "gh" + "p_" + "a1B2" * 9
    log.say("Fix it")
    log.say(f"use {token}", "assistant")
    first = await synced(store, home)
    log.say("Done", "assistant")
    second = await synced(store, home)
    log.say(f"again {token}", "assistant")
    third = await synced(store, home)

    replaced = "1 secret replaced: github token (1)"
    assert [len(first), len(second), len(third)] == [2, 1, 2]
    assert [first[1], third[1]] == [replaced, replaced]


async def test_an_imported_session_that_grew_is_imported_although_its_messages_are_early(
    store: Store, home: Home
) -> None:
    log = home.log()
    log.say("Fix it")
    await synced(store, home)
    log.say("Done", "assistant")

    assert await synced(store, home, SyncOptions(since_s=1_767_398_400)) == [
        "claude-code: 1 conversation: 0 imported, 1 updated, 0 already there (1 new item)"
    ]


async def test_the_work_of_a_conversation_is_its_project(store: Store, home: Home) -> None:
    log = home.log()
    log.say("Fix it")
    await synced(store, home)

    [conversation] = [each async for each in store.export_conversations()]

    assert conversation.key == f"claude-code:{log.session}"
    assert dict(conversation.metadata) == {
        "title": "Fix it",
        "source": "claude-code",
        "project": "/w/site",
        "source_id": log.session,
    }


async def test_what_cannot_be_read_is_named_once(store: Store, home: Home) -> None:
    home.log().say("Fix it")
    lines: list[str] = []

    def broken(_: FoundFile, __: Source) -> Iterator[Record]:
        yield Unreadable("line 7", "is not JSON")

    for _ in range(2):
        await sync(store, home.found(), broken, SyncOptions(refuse=lines.append))

    [file] = home.found()[0].files
    assert lines == [f"{file.path}: line 7 is not JSON"]


async def test_a_file_that_cannot_be_opened_is_tried_again(store: Store, home: Home) -> None:
    home.log().say("Fix it")
    lines: list[str] = []

    def denied(_: FoundFile, __: Source) -> Iterator[Record]:
        yield from ()
        raise PermissionError(13, "Permission denied")

    await sync(store, home.found(), denied, SyncOptions(refuse=lines.append))
    await synced(store, home)

    assert [line.rpartition("cannot")[2] for line in lines] == [" be read: Permission denied"]
    assert await texts(store) == [["Fix it"]]


class KilledError(BaseException):
    """Ends a sync at once."""


@pytest.mark.parametrize("reads", range(5))
async def test_a_sync_that_is_killed_anywhere_continues_where_it_was(
    store: Store, home: Home, reads: int
) -> None:
    for number in range(1, 5):
        log = home.log(number)
        log.say(f"Fix {number}")
        log.say("Done", "assistant")
    left = iter(range(reads))

    def killed(file: FoundFile, source: Source) -> Iterator[Record]:
        for record in read_file(file, source):
            if next(left, None) is None:
                raise KilledError
            yield record

    with contextlib.suppress(KilledError):
        await sync(store, home.found(), killed, SyncOptions(group_items=3))
    await synced(store, home)

    assert sorted(await texts(store)) == [[f"Fix {number}", "Done"] for number in range(1, 5)]
    assert await synced(store, home) == ["nothing is new"]


class Dying(WrappedDatabase):
    """A database that is out of reach after some writes, as for a process that is killed."""

    def __init__(self, database: Database, writes: int) -> None:
        super().__init__(database)
        self._left = iter(range(writes))

    async def write(self, work: Work[T], turn: str = "") -> T:
        if next(self._left, None) is None:
            raise KilledError
        return await super().write(work, turn)


async def test_a_sync_that_is_killed_after_any_write_continues_where_it_was(home: Home) -> None:
    for number in range(1, 5):
        log = home.log(number)
        log.say(f"Fix {number}")
        log.say("Done", "assistant")
    writes, killed = 0, True
    while killed and writes < 20:
        async with open_database("sqlite:///:memory:", "store") as database:
            with contextlib.suppress(KilledError):
                dying = await store_over(Dying(database, writes))
                await sync(dying, home.found(), read_file, SyncOptions(group_items=3))
                killed = False
            store = await store_over(database)
            await synced(store, home)

            read = sorted(await texts(store))
            assert read == [[f"Fix {number}", "Done"] for number in range(1, 5)], writes
            assert await synced(store, home) == ["nothing is new"], writes
        writes += 1
    assert not killed
    assert writes > 2


async def test_two_syncs_at_once_import_everything_once(home: Home, tmp_path: Path) -> None:
    database = f"sqlite:///{tmp_path / 'x.db'}"
    for number in range(1, 21):
        home.log(number).say(f"Fix {number}")

    async with open_store(database) as one, open_store(database) as other:
        options = SyncOptions(group_items=3)
        await asyncio.gather(
            *(sync(store, home.found(), read_file, options) for store in (one, other))
        )
        assert sorted(await texts(one)) == sorted([[f"Fix {number}"] for number in range(1, 21)])


async def test_a_long_session_is_written_in_parts_and_counted_once(
    store: Store, home: Home
) -> None:
    log = home.log()
    said = [f"Fix {number}" for number in range(10)]
    for text in said:
        log.say(text)

    assert await synced(store, home, SyncOptions(group_items=3)) == [
        "claude-code: 1 conversation: 1 imported, 0 updated, 0 already there (10 new items)"
    ]
    assert await texts(store) == [said]
    assert await synced(store, home) == ["nothing is new"]
