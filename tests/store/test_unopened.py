"""The watermarks of a store that is not open."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from backscroll.database.schema_version import SCHEMA_VERSION
from backscroll.store.app import open_store
from backscroll.store.archive.records import Watermark
from backscroll.store.archive.unopened import watermarks_in

MARK = Watermark(path="/logs/a b.jsonl", size=7, mtime_ns=9, inode=None, state="x")


@pytest.fixture
async def path(tmp_path: Path) -> Path:
    path = tmp_path / "a #1.db"
    async with open_store(f"sqlite:///{tmp_path}/a%20%231.db") as store:
        await store.set_watermarks([MARK])
    return path


def test_they_are_those_of_the_partition(path: Path) -> None:
    assert watermarks_in(path, "") == {MARK.path: MARK}
    assert watermarks_in(path, "harbor") == {}


def test_reading_them_leaves_no_files_behind(path: Path) -> None:
    before = {each: each.read_bytes() for each in path.parent.iterdir()}

    watermarks_in(path, "")

    assert {each: each.read_bytes() for each in path.parent.iterdir()} == before


@pytest.mark.parametrize("version", [SCHEMA_VERSION - 1, SCHEMA_VERSION + 1])
def test_those_of_another_version_are_unknown(path: Path, version: int) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("UPDATE backscroll_schema SET version = ?", (version,))

    assert watermarks_in(path, "") is None


def test_they_are_unknown_while_the_database_is_locked(path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("PRAGMA journal_mode = DELETE")
        other.execute("BEGIN EXCLUSIVE")

        assert watermarks_in(path, "") is None


@pytest.fixture
async def owned(unprivileged: Path) -> Path:
    """A store in a folder whose permissions apply to this process."""
    path = unprivileged / "x.db"
    async with open_store(f"sqlite:///{path}"):
        return path


def test_they_are_unknown_if_the_file_or_its_folder_is_read_only(owned: Path) -> None:
    before = watermarks_in(owned, "")
    owned.parent.chmod(0o555)
    in_read_only_folder = watermarks_in(owned, "")
    owned.parent.chmod(0o755)
    owned.chmod(0o444)

    assert (before, in_read_only_folder, watermarks_in(owned, "")) == ({}, None, None)


def test_they_are_unknown_without_a_database(tmp_path: Path) -> None:
    missing, damaged = tmp_path / "missing.db", tmp_path / "damaged.db"
    damaged.write_bytes(b"SQLite format 3\0" + bytes(range(256)) * 16)

    assert watermarks_in(missing, "") is None
    assert watermarks_in(damaged, "") is None
    assert list(tmp_path.iterdir()) == [damaged]
