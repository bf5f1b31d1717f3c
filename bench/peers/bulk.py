"""The fastest ways to fill a database without Backscroll: `executemany`, and PostgreSQL's COPY."""

import json
import sqlite3
import time
from collections.abc import Sequence
from typing import Final, NamedTuple

import asyncpg

from backscroll.store.archive.records import ImportedThread

_COLUMNS: Final = "thread, position, id, created_at, role, content"
_TABLE: Final = """
CREATE TABLE messages (
    thread BIGINT NOT NULL, position BIGINT NOT NULL, id TEXT NOT NULL,
    created_at BIGINT NOT NULL, role TEXT NOT NULL, content TEXT,
    UNIQUE (thread, id), UNIQUE (thread, position)
)
"""
_FTS: Final = "CREATE VIRTUAL TABLE texts USING fts5(text, content='', detail=none)"
_GIN: Final = """
CREATE TABLE texts (text TEXT NOT NULL);
CREATE INDEX ON texts USING gin (to_tsvector('english', text))
"""


class Filling(NamedTuple):
    """The rows of a table of messages, and the texts to index."""

    rows: Sequence[tuple[int, int, str, int, str, str]]
    texts: Sequence[tuple[int, str]]


def filling(threads: Sequence[ImportedThread]) -> Filling:
    """Return the rows that threads have, ready for the driver."""
    rows: list[tuple[int, int, str, int, str, str]] = []
    texts: list[tuple[int, str]] = []
    for thread, each in enumerate(threads):
        for position, message in enumerate(each.messages):
            text = str(message.content)
            content = json.dumps([{"type": "text", "text": {"value": text}}], ensure_ascii=False)
            name = f"msg_{thread:010}_{position:010}"
            rows.append((thread, position, name, message.created_at, message.role, content))
            texts.append((len(texts) + 1, text))
    return Filling(rows, texts)


def executemany(path: str, journal_mode: str, given: Filling, *, indexed: bool) -> float:
    """Fill a new SQLite file in one transaction, and return how many seconds that took.

    Args:
        path: of a new file.
        journal_mode: the store's.
        given: the rows.
        indexed: whether the texts are also added to an index of FTS5.
    """
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute(f"PRAGMA journal_mode = {journal_mode}")
    connection.execute(_TABLE)
    if indexed:
        connection.execute(_FTS)
    begun = time.perf_counter()
    connection.execute("BEGIN IMMEDIATE")
    connection.executemany("INSERT INTO messages VALUES (?, ?, ?, ?, ?, ?)", given.rows)
    if indexed:
        connection.executemany("INSERT INTO texts (rowid, text) VALUES (?, ?)", given.texts)
    connection.execute("COMMIT")
    seconds = time.perf_counter() - begun
    connection.close()
    return seconds


async def copy(url: str, given: Filling, *, indexed: bool) -> float:
    """Fill an empty PostgreSQL database with COPY, like `executemany`, with an index of GIN."""
    connection = await asyncpg.connect(url)
    await connection.execute(_TABLE + (f";{_GIN}" if indexed else ""))
    begun = time.perf_counter()
    async with connection.transaction():
        columns = _COLUMNS.split(", ")
        await connection.copy_records_to_table("messages", records=given.rows, columns=columns)
        if indexed:
            texts = [(text,) for _, text in given.texts]
            await connection.copy_records_to_table("texts", records=texts)
    seconds = time.perf_counter() - begun
    await connection.close()
    return seconds
