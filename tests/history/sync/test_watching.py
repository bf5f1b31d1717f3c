"""A watch brings in what changes while it runs, and outlives a database that cannot be written."""

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest

from backscroll.database.faults import DatabaseBusyError
from backscroll.database.opening import open_database
from backscroll.database.port import Work
from backscroll.history.conversation import Record
from backscroll.history.sources.finding import FoundFile
from backscroll.history.sources.source import Source
from backscroll.history.sync.reading import read_file
from backscroll.history.sync.syncing import SyncOptions
from backscroll.history.sync.tally import SyncTally
from backscroll.history.sync.watching import INTERVAL_S, Rounds, watch
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


async def watched(
    store: Store,
    home: Home,
    steps: list[Callable[[], object]],
    options: SyncOptions | None = None,
) -> list[list[str] | None]:
    """Watch, with a step before each round, and return what each round did."""
    left = iter(steps)
    done: list[list[str] | None] = []

    async def wait(_: float) -> bool:
        step = next(left, None)
        if step is not None:
            step()
        return step is not None

    def after(tally: SyncTally | None) -> None:
        done.append(None if tally is None else list(tally.lines()))

    await watch(store, home.found, read_file, options or SyncOptions(), Rounds(wait, after))
    return done


async def test_each_round_imports_what_changed_since_the_one_before(
    store: Store, home: Home
) -> None:
    log = home.log()

    assert await watched(
        store,
        home,
        [
            lambda: log.say("Fix it"),
            lambda: None,
            lambda: log.say("Done", "assistant"),
            log.path.unlink,
        ],
    ) == [
        ["claude-code: 1 conversation: 1 imported, 0 updated, 0 already there (1 new item)"],
        None,
        ["claude-code: 1 conversation: 0 imported, 1 updated, 0 already there (1 new item)"],
        None,
    ]


async def test_a_session_that_grows_during_a_watch_is_imported_although_its_messages_are_early(
    store: Store, home: Home
) -> None:
    log = home.log()
    january_third = 1_767_398_400

    assert await watched(
        store,
        home,
        [lambda: log.say("Fix it"), lambda: log.say("Done", "assistant")],
        SyncOptions(since_s=january_third),
    ) == [
        ["nothing is new"],
        ["claude-code: 1 conversation: 1 imported, 0 updated, 0 already there (2 new items)"],
    ]


class Locked(WrappedDatabase):
    """A database that others lock while it is told so."""

    is_locked = False

    async def write(self, work: Work[T], turn: str = "") -> T:
        if self.is_locked:
            raise DatabaseBusyError
        return await super().write(work, turn)


async def test_a_database_that_cannot_be_written_is_named_once_until_it_could_be(
    home: Home,
) -> None:
    log = home.log()
    refused: list[str] = []
    async with open_database("sqlite:///:memory:", "store") as opened:
        database = Locked(opened)
        store = await store_over(database)

        def lock(text: str) -> None:
            database.is_locked = True
            log.say(text)

        def unlock() -> None:
            database.is_locked = False

        done = await watched(
            store,
            home,
            [lambda: lock("Fix it"), lambda: None, unlock, lambda: None, lambda: lock("Again")],
            SyncOptions(refuse=refused.append),
        )

    imported = "claude-code: 1 conversation: 1 imported, 0 updated, 0 already there (1 new item)"
    assert done == [None, None, [imported], None, None]
    assert refused == ["another program or transaction has locked the database"] * 2


async def test_only_the_files_that_changed_are_read_again(store: Store, home: Home) -> None:
    read: list[str] = []

    def noted(file: FoundFile, source: Source) -> Iterator[Record]:
        read.append(file.path.name[:8])
        return read_file(file, source)

    logs = [home.log(number) for number in (1, 2)]
    logs[0].say("Fix it")
    steps: Iterator[Callable[[], object]] = iter(
        (lambda: logs[1].say("Fix it"), lambda: logs[1].say("Done", "assistant"))
    )
    waits: list[float] = []

    async def wait(pause_s: float) -> bool:
        waits.append(pause_s)
        step = next(steps, None)
        if step is not None:
            step()
        return step is not None

    await watch(store, home.found, noted, SyncOptions(), Rounds(wait))

    assert sorted(read[:2]) == ["00000001", "00000002"]
    assert read[2:] == ["00000002"]
    assert waits[0] == 0
    assert min(waits[1:]) >= INTERVAL_S
