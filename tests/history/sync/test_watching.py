"""A watch brings in what changes while it runs, and outlives a database that cannot be written."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from backscroll.history.sync.reading import read_file
from backscroll.history.sync.syncing import SyncOptions
from backscroll.history.sync.tally import SyncTally
from backscroll.history.sync.watching import Rounds, watch
from backscroll.store.app import Store, open_store
from tests.history.sync.claude_logs import Home


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
