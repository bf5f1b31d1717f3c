"""Sessions of OpenAI's Agents SDK in SQLite, also those with branches.

Sources: `SQLiteSession` and `AdvancedSQLiteSession` of openai-agents for Python. `SQLiteSession`
has the items of a session in the order of their ids. `AdvancedSQLiteSession` adds the table
`message_structure`: the order of the items of each branch. One item can be in several branches.
"""

from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any, Final

from backscroll.history.conversation import Record, SourceConversation
from backscroll.history.files.sample import Sample
from backscroll.history.formats.format import Format
from backscroll.history.items.draft import Draft
from backscroll.history.items.responses_items import add_item
from backscroll.history.reading.fields import as_text, mapping, parsed
from backscroll.history.reading.sqlite_source import Database, Row, read_database
from backscroll.history.reading.times import unix_seconds
from backscroll.history.source_file import SourceFile

_NAME: Final = "agents-sdk"


def recognises(sample: Sample) -> bool:
    """Return whether a database has sessions of the Agents SDK."""
    return sample.kind == "sqlite" and {"agent_sessions", "agent_messages"} <= sample.tables


def read(file: SourceFile, *, branches: bool = False) -> Iterator[Record]:
    """Yield each session, with the branch that was written last.

    Args:
        branches: whether to yield the other branches of a session too, as separate conversations.

    Raises:
        OSError: the file cannot be read.
    """
    return read_database(file, _sessions, partial(_records, branches=branches))


def _sessions(database: Database) -> list[Row]:
    return database.select(
        "agent_sessions", ("session_id", "created_at", "updated_at"), "ORDER BY rowid"
    )


def _records(database: Database, session: Row, *, branches: bool) -> Iterable[Record]:
    session_id = session[0]
    named = _branches(database, session_id)
    if not named:
        rows = database.select(
            "agent_messages",
            ("id", "message_data", "created_at"),
            "WHERE session_id = ? ORDER BY id",
            session_id,
        )
        yield _conversation(session, rows)
        return
    current = _conversation(session, _items(database, session_id, named[0]))
    yield current
    if branches and isinstance(current, SourceConversation):
        for branch in named[1:]:
            rows = _items(database, session_id, branch)
            yield _conversation(session, rows, branch=as_text(branch))


def _branches(database: Database, session_id: object) -> list[Any]:
    """Return the names of a session's branches, the last written branch first."""
    rows = database.select(
        "message_structure",
        ("branch_id",),
        "WHERE session_id = ? GROUP BY branch_id ORDER BY max(id) DESC",
        session_id,
    )
    return [branch for (branch,) in rows]


def _items(database: Database, session_id: object, branch: object) -> list[Row]:
    if "agent_messages" not in database.tables:
        return []
    return database.rows(
        "SELECT m.id, m.message_data, m.created_at FROM message_structure s"
        " JOIN agent_messages m ON m.id = s.message_id"
        " WHERE s.session_id = ? AND m.session_id = ? AND s.branch_id = ?"
        " ORDER BY s.sequence_number, s.id",
        session_id,
        session_id,
        branch,
    )


def _conversation(session: Row, rows: Iterable[Row], branch: str = "") -> Record:
    """Return the conversation of a session's current branch, or of the branch named `branch`.

    The name of a branch is unique only within its session. So the conversation's id consists of the
    session's id and the branch's name. The current branch has the id of the session.
    """
    session_id, created_at, updated_at = session
    draft = Draft(_NAME)
    is_partial = False
    for item_id, data, at in rows:
        item = mapping(parsed(data))
        is_partial = is_partial or not item
        add_item(draft, item, as_text(item_id), unix_seconds(at))
    known_id = as_text(session_id)
    return draft.finish(
        f"{known_id}/{branch}" if branch else known_id,
        position=known_id or "a session without an id",
        created_at=unix_seconds(created_at),
        updated_at=unix_seconds(updated_at),
        parent=known_id if branch else "",
        metadata={"branch_name": branch},
        branch=1 if branch else 0,
        is_partial=is_partial,
    )


FORMAT: Final = Format(
    name=_NAME,
    words="a database of the OpenAI Agents SDK",
    recognises=recognises,
    read=read,
    read_branches=partial(read, branches=True),
)
