"""Databases of other programs: read while they are in use, and never changed or blocked."""

import shutil
import sqlite3
import threading
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from backscroll.history.conversation import NotNow, Record, Unreadable
from backscroll.history.reading.sqlite_source import (
    Database,
    DatabaseError,
    Row,
    open_database,
    read_database,
)
from backscroll.history.source_file import SourceFile
from tests.history.formats.sources import in_archive, made_database, on_disk

TABLES = "CREATE TABLE notes (id INTEGER, text TEXT); INSERT INTO notes VALUES (1, 'one')"
LOCKED = "is locked by the program that writes it: try again, or close that program first"


def notes(file: SourceFile) -> list[Row]:
    """Return the rows of a database."""
    with open_database(file, busy_s=0.01) as database:
        return database.rows("SELECT id, text FROM notes ORDER BY id")


def files(folder: Path) -> dict[str, bytes]:
    """Return all files of a folder."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@contextmanager
def owner(path: Path) -> Iterator[sqlite3.Connection]:
    """Yield the connection of the program that writes the database."""
    with closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as connection:
        yield connection


@pytest.mark.parametrize("journal", ["delete", "wal"])
def test_reading_changes_and_adds_no_file(tmp_path: Path, journal: str) -> None:
    path = tmp_path / "a b?#%.db"
    with made_database(path, TABLES, journal):
        pass
    before = files(tmp_path)

    assert notes(on_disk(path)) == [(1, "one")]
    assert files(tmp_path) == before


def test_committed_rows_in_the_log_are_read_while_the_owner_writes_others(tmp_path: Path) -> None:
    path = tmp_path / "notes.db"
    with made_database(path, TABLES, "wal"), owner(path) as writer:
        writer.execute("INSERT INTO notes VALUES (2, 'two')")
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("INSERT INTO notes VALUES (3, 'not committed')")

        assert notes(on_disk(path)) == [(1, "one"), (2, "two")]
        writer.execute("COMMIT")
        assert len(notes(on_disk(path))) == 3


@pytest.mark.parametrize("stays_open", [True, False])
@pytest.mark.parametrize("journal", ["delete", "wal"])
def test_the_owner_can_write_between_two_conversations(
    tmp_path: Path, journal: str, stays_open: bool
) -> None:
    path = tmp_path / "notes.db"
    with made_database(path, TABLES, journal):
        pass

    def owners(database: Database) -> list[Row]:
        return database.rows("SELECT id FROM notes")

    def records(database: Database, row: Row) -> Iterable[Record]:
        database.rows("SELECT text FROM notes WHERE id = ?", row[0])
        with owner(path) as writer:
            writer.execute("UPDATE notes SET text = 'changed'")
            if stays_open:
                yield Unreadable("1", str(database.rows("SELECT text FROM notes")))
        if not stays_open:
            yield Unreadable("1", str(database.rows("SELECT text FROM notes")))

    assert list(read_database(on_disk(path), owners, records)) == [
        Unreadable("1", "[('changed',)]")
    ]


def test_a_database_that_its_owner_rewrites_is_read_as_it_is_then(tmp_path: Path) -> None:
    path = tmp_path / "notes.db"
    with made_database(path, TABLES, "wal") as connection:
        connection.execute("INSERT INTO notes VALUES (2, hex(zeroblob(100000)))")

    with open_database(on_disk(path)) as database:
        with owner(path) as writer:
            writer.execute("DELETE FROM notes WHERE id = 2")
            writer.execute("VACUUM")

        assert database.rows("SELECT id, length(text) FROM notes") == [(1, 3)]


def test_a_database_that_changes_all_the_time_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "notes.db"
    with made_database(path, TABLES, "wal"):
        pass

    with open_database(on_disk(path), tries=1) as database:
        with owner(path) as writer:
            writer.execute("DELETE FROM notes")

        with pytest.raises(DatabaseError, match="it changes all the time"):
            database.rows("SELECT id FROM notes")


def test_a_locked_database_is_refused_once_and_soon(tmp_path: Path) -> None:
    path = tmp_path / "notes.db"
    with made_database(path, TABLES):
        pass

    def owners(database: Database) -> list[Row]:
        return database.rows("SELECT id FROM notes UNION SELECT 2 UNION SELECT 3")

    def records(database: Database, row: Row) -> Iterable[Record]:
        writer.execute("BEGIN EXCLUSIVE")
        database.rows("SELECT text FROM notes WHERE id = ?", row[0])
        yield Unreadable("1", "was read")

    with owner(path) as writer:
        found = list(read_database(on_disk(path), owners, records, busy_s=0.01))
        assert found == [NotNow("the database", LOCKED)]
        assert list(read_database(on_disk(path), owners, records, busy_s=0.01)) == found


def test_a_database_that_is_unlocked_in_time_is_read(tmp_path: Path) -> None:
    path = tmp_path / "notes.db"
    with made_database(path, TABLES):
        pass
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as writer:
        writer.execute("BEGIN EXCLUSIVE")
        end = threading.Timer(0.05, lambda: writer.execute("ROLLBACK"))
        end.start()
        with open_database(on_disk(path), busy_s=30) as database:
            assert database.rows("SELECT text FROM notes") == [("one",)]
        end.join()


def test_changes_that_a_crashed_owner_left_in_its_log_are_read(tmp_path: Path) -> None:
    left = tmp_path / "left"
    left.mkdir()
    path = tmp_path / "notes.db"
    with made_database(path, TABLES, "wal"), owner(path) as writer:
        writer.execute("INSERT INTO notes VALUES (2, 'two')")
        for name in ("notes.db", "notes.db-wal"):
            shutil.copyfile(tmp_path / name, left / name)

    assert notes(on_disk(left / "notes.db")) == [(1, "one"), (2, "two")]


def test_a_half_written_transaction_of_a_crashed_owner_is_not_read(tmp_path: Path) -> None:
    left = tmp_path / "left"
    left.mkdir()
    path = tmp_path / "notes.db"
    with made_database(path, TABLES), owner(path) as writer:
        writer.execute("PRAGMA cache_size = 1")
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("UPDATE notes SET text = 'half'")
        writer.execute(
            "WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)"
            " INSERT INTO notes SELECT i, hex(randomblob(50)) FROM n"
        )
        for name in ("notes.db", "notes.db-journal"):
            shutil.copyfile(tmp_path / name, left / name)
    before = files(left)

    assert notes(on_disk(left / "notes.db")) == [(1, "one")]
    assert files(left) == before


def test_a_log_in_a_folder_that_cannot_be_written_is_read(tmp_path: Path) -> None:
    left = tmp_path / "left"
    left.mkdir()
    path = tmp_path / "notes.db"
    with made_database(path, TABLES, "wal"), owner(path) as writer:
        writer.execute("INSERT INTO notes VALUES (2, 'two')")
        for name in ("notes.db", "notes.db-wal"):
            shutil.copyfile(tmp_path / name, left / name)
    (left / "notes.db-shm").mkdir()  # SQLite cannot create its file there

    assert notes(on_disk(left / "notes.db")) == [(1, "one"), (2, "two")]


def test_the_log_beside_the_target_of_a_link_is_read(tmp_path: Path) -> None:
    path, link = tmp_path / "notes.db", tmp_path / "linked" / "link.db"
    link.parent.mkdir()
    link.symlink_to(path)
    with made_database(path, TABLES, "wal"), owner(path) as writer:
        writer.execute("INSERT INTO notes VALUES (2, 'two')")

        assert notes(on_disk(link)) == [(1, "one"), (2, "two")]
    assert list(link.parent.iterdir()) == [link]


def test_a_database_in_an_archive_is_read(tmp_path: Path) -> None:
    path = tmp_path / "notes.db"
    with made_database(path, TABLES):
        pass

    assert notes(in_archive(path.read_bytes())) == [(1, "one")]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"SQLite format 3\0" + b"\xff" * 200, "is damaged: SQLite cannot read it"),
        (b"not a database at all, but a text", "is damaged: SQLite cannot read it"),
    ],
)
def test_a_damaged_database_is_refused(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "notes.db"
    path.write_bytes(content)

    for file in (on_disk(path), in_archive(content)):
        assert list(read_database(file, lambda _: [], lambda _, __: [])) == [
            Unreadable("the database", reason)
        ]


def test_a_database_whose_schema_is_damaged_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "notes.db"
    with made_database(path, TABLES):
        pass
    path.write_bytes(path.read_bytes().replace(b"CREATE TABLE", b"CREATE T\xc4BLE"))

    assert list(read_database(on_disk(path), lambda _: [], lambda _, __: [])) == [
        Unreadable("the database", "is damaged: SQLite cannot read it")
    ]


def test_a_missing_database_raises_the_systems_error(tmp_path: Path) -> None:
    path = tmp_path / "none.db"

    with (
        pytest.raises(FileNotFoundError),
        open_database(SourceFile(str(path), lambda: path.open("rb"), path)),
    ):
        pass
    assert not path.exists()


def test_a_value_that_is_too_large_refuses_its_conversation_alone(tmp_path: Path) -> None:
    path = tmp_path / "notes.db"
    with made_database(path, TABLES) as connection:
        connection.execute("INSERT INTO notes VALUES (2, zeroblob(67108865)), (3, x'ff41')")

    def owners(database: Database) -> list[Row]:
        return database.rows("SELECT id FROM notes ORDER BY id")

    def records(database: Database, row: Row) -> Iterable[Record]:
        ((text,),) = database.rows("SELECT CAST(text AS TEXT) FROM notes WHERE id = ?", row[0])
        yield Unreadable(str(row[0]), text)

    assert list(read_database(on_disk(path), owners, records)) == [
        Unreadable("1", "one"),
        Unreadable("2", "has a value of more than 64 MiB"),
        Unreadable("3", "\ufffdA"),
    ]


def test_columns_and_tables_that_a_version_lacks_are_null_and_empty(tmp_path: Path) -> None:
    path = tmp_path / "notes.db"
    with made_database(path, TABLES):
        pass

    with open_database(on_disk(path)) as database:
        assert database.tables == {"notes"}
        assert database.select("notes", ("text", "title"), "WHERE id = ?", 1) == [("one", None)]
        assert database.select("others", ("text",)) == []
        with pytest.raises(DatabaseError, match="cannot be read by SQLite: attempt to write"):
            database.rows("DELETE FROM notes")
