"""Statements that the driver runs without SQLAlchemy, and how they fail."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Connection
from sqlalchemy.exc import DatabaseError, DBAPIError, IntegrityError

from backscroll.database.driver import run, run_each
from backscroll.database.sqlite_engine import engine_of
from backscroll.database.sqlite_file import DatabaseFile, opened_file

ADD = "INSERT INTO notes VALUES (?, ?)"


@pytest.fixture
def connection(path: Path) -> Iterator[Connection]:
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE notes (number INTEGER PRIMARY KEY, text TEXT NOT NULL)")
    engine = engine_of(DatabaseFile(path, "store"), 0, begin=True)
    with engine.connect() as opened:
        opened.begin()
        yield opened
    engine.dispose()


def test_a_statement_returns_its_rows_and_none_if_it_has_none(connection: Connection) -> None:
    assert run(connection, ADD, (1, "one")) == []
    run_each(connection, ADD, [(2, "two")])
    run_each(connection, ADD, [(3, "three"), (4, "four")])
    assert run(connection, "DELETE FROM notes WHERE number > ? RETURNING text", (3,)) == [("four",)]
    assert run(connection, "SELECT * FROM notes") == [(1, "one"), (2, "two"), (3, "three")]


@pytest.mark.parametrize(
    ("sql", "parameters"),
    [
        (ADD, (1, "twice")),
        (ADD, (2, None)),
        (ADD, ("two", "a number is needed")),
        (ADD, (2,)),
        (ADD, (2, object())),
        ("SELECT * FROM nowhere", ()),
        ("SELECT CAST(x'ff' AS TEXT)", ()),
    ],
)
def test_a_statement_fails_as_it_would_with_sqlalchemy_and_its_transaction_goes_on(
    connection: Connection, sql: str, parameters: tuple[object, ...]
) -> None:
    run(connection, ADD, (1, "once"))
    with pytest.raises(DBAPIError) as theirs:
        connection.exec_driver_sql(sql, parameters).all()
    with pytest.raises(type(theirs.value)) as ours:
        run(connection, sql, parameters)
    assert type(ours.value) is type(theirs.value)
    assert repr(ours.value.orig) == repr(theirs.value.orig)
    assert run(connection, "SELECT * FROM notes") == [(1, "once")]


def test_a_connection_is_reopened_only_if_the_file_itself_may_have_failed(
    connection: Connection, path: Path
) -> None:
    with pytest.raises(IntegrityError):
        run(connection, ADD, (1, None))
    assert opened_file(connection.info) is not None
    connection.rollback()
    connection.begin()
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2] + bytes(len(whole) // 2))  # the page of the table
    with pytest.raises(DatabaseError, match="malformed"):
        run(connection, ADD, (1, "lost"))
    assert opened_file(connection.info) is None
