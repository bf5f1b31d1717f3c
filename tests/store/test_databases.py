"""Databases that the store opens, those that it refuses in one line, and their threads."""

# ruff: noqa: ASYNC240 - a test may wait for a file of its own

import asyncio
import sqlite3
import stat
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import Connection

from backscroll.database.faults import StoreError
from backscroll.database.locks import LOCK_S
from backscroll.database.schema_version import SCHEMA_VERSION
from backscroll.database.sqlite import READERS, SqliteDatabase, open_sqlite
from backscroll.database.sqlite_threads import Workers
from backscroll.store.app import open_store
from backscroll.store.archive.records import ImportedThread
from tests.pace import limit_s


async def _open(url: str, lock_s: float = LOCK_S) -> None:
    async with open_store(url, lock_s=lock_s):
        pass


async def _refusal(url: str, lock_s: float = LOCK_S) -> str:
    with pytest.raises(StoreError) as caught:
        await _open(url, lock_s)
    line = str(caught.value)
    assert "\n" not in line
    return line


async def test_a_new_database_is_its_owner_s_alone_in_a_folder_made_for_it(
    tmp_path: Path,
) -> None:
    path = tmp_path / "a" / "b" / "store.db"
    await _open(f"sqlite:///{path}")
    modes = {each.name: stat.S_IMODE(each.stat().st_mode) for each in path.parent.iterdir()}
    assert modes["store.db"] == 0o600
    assert set(modes.values()) == {0o600}


async def test_a_relative_path_is_relative_to_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    await _open("sqlite:///relative.db")
    assert (tmp_path / "relative.db").is_file()


async def test_what_is_written_is_there_when_the_database_is_opened_again(path: Path) -> None:
    thread = ImportedThread(key="k", id="thread_a", created_at=1, messages=[])
    async with open_store(f"sqlite:///{path}") as store:
        await store.import_thread(thread)
    async with open_store(f"sqlite:///{path}") as store:
        assert [each async for each in store.export_threads()] == [thread]


@pytest.mark.parametrize(
    "url",
    [
        "",
        "store.db",
        "/store.db",
        "sqlite:///",
        "sqlite://store.db",
        "sqlite:///a.db?mode=ro",
        "sqlite+aiosqlite:///a.db",
        "mysql://localhost/a",
        "postgresql+psycopg://user:hunter2@localhost/a",
    ],
)
async def test_another_kind_of_url_is_refused_with_the_rule(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    line = await _refusal(url)
    assert "BACKSCROLL_DATABASE must be sqlite:///relative.db" in line
    assert "hunter2" not in line
    assert list(tmp_path.iterdir()) == []


async def test_a_directory_is_refused(tmp_path: Path) -> None:
    assert await _refusal(f"sqlite:///{tmp_path}") == (
        f"{tmp_path} is a directory: BACKSCROLL_DATABASE must name a file"
    )


async def test_a_path_through_a_file_is_refused(path: Path) -> None:
    path.write_text("")
    assert "cannot be created" in await _refusal(f"sqlite:///{path}/store.db")


async def test_a_file_that_is_no_database_is_refused_and_left_alone(path: Path) -> None:
    path.write_bytes(b"not a database, but long enough to be read as one" * 100)
    before = path.read_bytes()
    assert await _refusal(f"sqlite:///{path}") == (
        f"{path} is not a SQLite database: point BACKSCROLL_DATABASE at another file"
    )
    assert path.read_bytes() == before


async def test_another_program_s_database_is_refused_and_left_alone(path: Path) -> None:
    database = sqlite3.connect(path)
    database.execute("CREATE TABLE bookmarks (url)")
    database.commit()
    database.close()
    before = path.read_bytes()
    assert await _refusal(f"sqlite:///{path}") == (
        f"{path} has tables of another program: point BACKSCROLL_DATABASE elsewhere"
    )
    assert path.read_bytes() == before


async def test_a_newer_schema_is_refused(path: Path) -> None:
    await _open(f"sqlite:///{path}")
    database = sqlite3.connect(path)
    database.execute("UPDATE backscroll_schema SET version = 99")
    database.commit()
    database.close()
    assert await _refusal(f"sqlite:///{path}") == (
        f"{path} was written by a newer Backscroll (its schema is 99, this one supports "
        f"{SCHEMA_VERSION}): "
        "upgrade Backscroll or point BACKSCROLL_DATABASE elsewhere"
    )


async def test_a_database_held_by_another_program_is_refused(path: Path) -> None:
    await _open(f"sqlite:///{path}")
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    assert "is locked by another program" in await _refusal(f"sqlite:///{path}", lock_s=0.05)
    other.close()


async def test_a_sqlite_that_is_too_old_is_refused(path: Path) -> None:
    with pytest.raises(StoreError, match=r"^SQLite 3\.34\.1 is too old: version 3\.35\.0 or newer"):
        async with open_sqlite(f"sqlite:///{path}", "store", sqlite_version=(3, 34, 1)):
            pass
    assert not path.exists()


async def test_a_read_only_file_is_refused(unprivileged: Path) -> None:
    path = unprivileged / "store.db"
    await _open(f"sqlite:///{path}")
    path.chmod(0o400)
    assert await _refusal(f"sqlite:///{path}") == (
        f"{path} or its folder is read-only: the store must be able to write both"
    )


async def test_a_file_that_may_not_be_read_is_not_said_to_be_read_only(unprivileged: Path) -> None:
    path = unprivileged / "store.db"
    await _open(f"sqlite:///{path}")
    path.chmod(0)

    assert await _refusal(f"sqlite:///{path}") == (
        f"{path} cannot be used: its file cannot be opened: the file or its folder is missing, "
        "read-only or not accessible (SQLITE_CANTOPEN)"
    )


async def test_a_read_only_folder_is_refused(unprivileged: Path) -> None:
    path = unprivileged / "store.db"
    await _open(f"sqlite:///{path}")
    for left in unprivileged.glob("store.db-*"):
        left.unlink()
    unprivileged.chmod(0o500)
    assert await _refusal(f"sqlite:///{path}") == (
        f"{path} or its folder is read-only: the store must be able to write both"
    )
    assert "is read-only" in await _refusal(f"sqlite:///{unprivileged}/new.db")


@pytest.fixture
async def database(path: Path) -> AsyncIterator[SqliteDatabase]:
    async with open_sqlite(f"sqlite:///{path}", "store") as opened:
        yield opened


def threads() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.name == "store"}


def nothing(_: Connection) -> None:
    pass


def readers(database: SqliteDatabase) -> Workers:
    return database._reading  # noqa: SLF001 - the way there leads past a writer's lock alone


async def test_threads_are_started_as_they_are_needed_and_end_with_the_database(
    path: Path,
) -> None:
    others = threads()
    async with open_sqlite(f"sqlite:///{path}", "store") as database:
        for _ in range(5):
            await readers(database).run(nothing)
        assert len(threads() - others) == 2  # it was written to as it was opened
        for together in (2, READERS, 3 * READERS):
            barrier = threading.Barrier(min(together, READERS))

            def wait(_: Connection, barrier: threading.Barrier = barrier) -> int:
                return barrier.wait(limit_s(10))

            await asyncio.gather(*(readers(database).run(wait) for _ in range(together)))
            assert len(threads() - others) == 1 + min(together, READERS)
        assert all(thread.daemon for thread in threads() - others)
    assert threads() <= others


async def test_a_read_whose_caller_goes_away_before_its_turn_is_not_made(
    database: SqliteDatabase,
) -> None:
    begun, go, made = threading.Barrier(READERS + 1), threading.Event(), threading.Event()

    def wait(_: Connection) -> None:
        begun.wait(limit_s(10))
        go.wait(limit_s(10))

    tasks = [asyncio.ensure_future(readers(database).run(wait)) for _ in range(READERS)]
    await asyncio.to_thread(begun.wait, limit_s(10))
    gone = asyncio.ensure_future(readers(database).run(lambda _: made.set()))
    await asyncio.sleep(0)
    gone.cancel()
    await asyncio.sleep(0)
    go.set()
    await asyncio.gather(*tasks)
    for _ in range(READERS):
        await readers(database).run(nothing)
    assert (gone.cancelled(), made.is_set()) == (True, False)
