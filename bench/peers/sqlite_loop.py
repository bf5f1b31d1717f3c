"""The standard library's `sqlite3` alone: one insert, one commit, as durable as the store's."""

import sqlite3
from typing import Final

_TABLE: Final = """
CREATE TABLE messages (
    position INTEGER PRIMARY KEY,
    id TEXT UNIQUE NOT NULL,
    thread_id TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    role TEXT NOT NULL,
    content TEXT NOT NULL
)
"""
_INSERT: Final = (
    "INSERT INTO messages (id, thread_id, created_at, role, content) VALUES (?, ?, ?, ?, ?)"
)


class SqliteLoop:
    """A database of messages and nothing else.

    Args:
        path: of a new file.
        journal_mode: the store's.
    """

    def __init__(self, path: str, journal_mode: str) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None)
        self._connection.execute("PRAGMA synchronous = FULL")
        self._connection.execute(f"PRAGMA journal_mode = {journal_mode}")
        self._connection.execute(_TABLE)
        self._created = 0

    def create(self, number: int, text: str) -> None:
        """Insert so many messages, each in a transaction of its own."""
        for _ in range(number):
            self._created += 1
            row = (f"msg_{self._created:024}", "thread_1", self._created, "user", text)
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.execute(_INSERT, row)
            self._connection.execute("COMMIT")

    def close(self) -> None:
        """Close the database."""
        self._connection.close()
